"""The composition root of intake, for production and tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx2
from uuid_utils.compat import uuid7

from services.contracts.near_matches import Named
from services.contracts.reference import read_days_off, read_icd10_codes, read_settlements
from services.contracts.working_days import WorkingDays
from services.intake.adapters.aes_vault import AesVault
from services.intake.adapters.http_referrals import SECONDS, HttpReferrals
from services.intake.adapters.sql_answers import SqlAnswers
from services.intake.adapters.sql_children import SqlChildren
from services.intake.adapters.sql_consents import SqlConsents
from services.intake.adapters.sql_corrections import SqlCorrections
from services.intake.adapters.sql_diagnoses import SqlDiagnoses, related_ids
from services.intake.adapters.sql_erasure import SqlErasures
from services.intake.adapters.sql_families import SqlFamilies
from services.intake.adapters.sql_keys import SqlKeys
from services.intake.adapters.sql_notes import SqlNotes
from services.intake.adapters.sql_published import SqlPublished
from services.intake.adapters.sql_reports import SqlReports
from services.intake.adapters.sql_retention import SqlRetention
from services.intake.adapters.sql_rotation import SqlRotation
from services.intake.adapters.sql_submissions import SqlSubmissions
from services.intake.adapters.sql_transfers import SqlTransfers
from services.intake.adapters.tables import audit_log
from services.intake.domain.validation import Reference
from services.intake.handlers.access import Referrals
from services.intake.handlers.correct import Correcting
from services.intake.handlers.drafts import Drafting
from services.intake.handlers.erase import Erasing
from services.intake.handlers.family import TellingFamilies
from services.intake.handlers.grouping import GroupedSubmissions
from services.intake.handlers.join import Joining
from services.intake.handlers.notes import Noting
from services.intake.handlers.read import Reading
from services.intake.handlers.report import Reports
from services.intake.handlers.retain import Retaining
from services.intake.handlers.submit import Submitting
from services.intake.handlers.transfer import Transferring
from services.intake.handlers.withdraw_consent import WithdrawingConsent
from services.intake.settings import IntakeSettings
from services.kit.audit_api import AuditTrail
from services.kit.http.service_token import service_token
from services.kit.http.tls import trusted
from services.kit.retention import days
from services.kit.sql.audit_log import AuditLog, AuditWriter, Chain
from services.kit.sql.database import Database
from services.kit.tracing import client_hooks

LANES = 4
"""Concurrent transactions of submissions on PostgreSQL; SQLite has one writer."""


@dataclass(frozen=True)
class Intake:
    """The wired service, as the entrypoints call it."""

    database: Database
    submitting: Submitting
    reading: Reading
    families: TellingFamilies
    correcting: Correcting
    joining: Joining
    consents: WithdrawingConsent
    transferring: Transferring
    answers: SqlAnswers
    published: SqlPublished
    keys: SqlKeys
    rotation: SqlRotation
    erasing: Erasing
    noting: Noting
    reports: Reports
    retaining: Retaining
    audit_trail: AuditTrail
    bulk_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One bulk request reads its lines at a time."""


def utc_now() -> datetime:
    """In whole milliseconds, as it is stored."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def read_reference(data: Path, consent_required: bool = False) -> Reference:
    """The ids and names in the reference data of folder `data`."""
    settlements = read_settlements(data)
    names = tuple(Named(one.id, (one.name_kk, one.name_en, one.name_ru)) for one in settlements.values())
    return Reference(frozenset(settlements), read_icd10_codes(data), names, consent_required)


@asynccontextmanager
async def bootstrap(
    settings: IntakeSettings,
    *,
    now: Callable[[], datetime] = utc_now,
    new_id: Callable[[], UUID] = uuid7,
    referrals: Referrals | None = None,
) -> AsyncIterator[Intake]:
    """Intake on the migrated database of `settings`. Reads the reference data first; tests may pass `referrals`."""
    verify = trusted(settings.referral_url, settings.services_ca_file)
    async with httpx2.AsyncClient(
        base_url=settings.referral_url, timeout=SECONDS, verify=verify, event_hooks=client_hooks()
    ) as client:
        over_http = HttpReferrals(client, service_token(settings))
        database = Database(settings.intake_sql_url)
        try:
            yield _wired(settings, database, now, new_id, referrals or over_http)
        finally:
            await database.close()


def _wired(
    settings: IntakeSettings,
    database: Database,
    now: Callable[[], datetime],
    new_id: Callable[[], UUID],
    referrals: Referrals,
) -> Intake:
    reference = read_reference(settings.data, settings.needs_consent)
    log = AuditLog(audit_log, Chain(settings.audit_keys))
    database.audit = log.add
    vault = AesVault(settings.keys)
    keys = SqlKeys(database, vault)
    drafting = Drafting(vault, new_id, settings.signing_key)
    erasures = SqlErasures(database, keys)
    lanes = 1 if database.is_sqlite else LANES
    submissions = GroupedSubmissions(SqlSubmissions(database, keys, drafting.bind), lanes)
    return Intake(
        database,
        Submitting(submissions, referrals, drafting, reference, now),
        Reading(SqlDiagnoses(database, keys), referrals, vault),
        TellingFamilies(SqlFamilies(database, keys), referrals),
        Correcting(SqlCorrections(database, keys), referrals, drafting, reference, now),
        Joining(SqlChildren(database, keys), referrals, drafting, now),
        WithdrawingConsent(SqlConsents(database), now),
        Transferring(SqlTransfers(database, keys), referrals, drafting, WorkingDays(read_days_off(settings.data)), now),
        SqlAnswers(database),
        SqlPublished(database),
        keys,
        SqlRotation(database, keys),
        Erasing(erasures, referrals, now),
        Noting(SqlNotes(database, keys), referrals, new_id, now),
        SqlReports(database, keys),
        Retaining(
            SqlRetention(database, erasures),
            referrals,
            days(settings.keep_children_days),
            days(settings.keep_persons_days),
            now,
        ),
        AuditTrail(database, log, AuditWriter(database, log), related_ids, settings.audit_head_file),
    )
