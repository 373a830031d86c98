"""The composition root of intake, for production and tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from services.contracts.near_matches import Named
from services.contracts.reference import read_icd10_codes, read_settlements
from services.intake.adapters.aes_vault import AesVault
from services.intake.adapters.sql_access import SqlAccessRules
from services.intake.adapters.sql_children import SqlChildren
from services.intake.adapters.sql_corrections import SqlCorrections
from services.intake.adapters.sql_diagnoses import SqlDiagnoses
from services.intake.adapters.sql_keys import SqlKeys
from services.intake.adapters.sql_submissions import SqlSubmissions
from services.intake.adapters.tables import dead_letters
from services.intake.domain.validation import Reference
from services.intake.handlers.correct import Correcting
from services.intake.handlers.drafts import Drafting
from services.intake.handlers.grouping import GroupedSubmissions
from services.intake.handlers.join import Joining
from services.intake.handlers.read import Reading
from services.intake.handlers.submit import Submitting
from services.intake.settings import IntakeSettings
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.sql.database import Database

LANES = 4
"""Concurrent transactions of submissions on PostgreSQL; SQLite has one writer."""


@dataclass(frozen=True)
class Intake:
    """The wired service, as the entrypoints call it."""

    database: Database
    submitting: Submitting
    reading: Reading
    correcting: Correcting
    joining: Joining
    access: SqlAccessRules
    dead_letters: DeadLetterRepository
    keys: SqlKeys


def utc_now() -> datetime:
    """In whole milliseconds, as it is stored."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def read_reference(data: Path) -> Reference:
    """The ids and names in the reference data of folder `data`."""
    settlements = read_settlements(data)
    names = tuple(Named(one.id, (one.name_kk, one.name_en, one.name_ru)) for one in settlements.values())
    return Reference(frozenset(settlements), read_icd10_codes(data), names)


@asynccontextmanager
async def bootstrap(
    settings: IntakeSettings, *, now: Callable[[], datetime] = utc_now, new_id: Callable[[], UUID] = uuid7
) -> AsyncIterator[Intake]:
    """Intake on the migrated database of `settings`. Reads the reference data first."""
    reference = read_reference(settings.data)
    database = Database(settings.intake_sql_url)
    vault = AesVault(settings.keys)
    keys = SqlKeys(database, vault)
    drafting = Drafting(vault, new_id)
    lanes = 1 if database.is_sqlite else LANES
    submissions = GroupedSubmissions(SqlSubmissions(database, keys, drafting.bind), lanes)
    try:
        yield Intake(
            database,
            Submitting(submissions, drafting, reference, now),
            Reading(SqlDiagnoses(database, keys), vault, now),
            Correcting(SqlCorrections(database, keys), drafting, reference, now),
            Joining(SqlChildren(database, keys), drafting, now),
            SqlAccessRules(database),
            DeadLetterRepository(database, dead_letters),
            keys,
        )
    finally:
        await database.close()
