"""The one place where intake is wired, for production and tests alike."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from services.contracts.reference import read_icd10_codes, read_settlements
from services.intake.adapters.aes_vault import AesVault
from services.intake.adapters.sql_access import SqlAccessRules
from services.intake.adapters.sql_diagnoses import SqlDiagnoses
from services.intake.adapters.sql_submissions import SqlSubmissions
from services.intake.adapters.tables import dead_letters
from services.intake.domain.validation import Reference
from services.intake.handlers.drafts import Drafting
from services.intake.handlers.grouping import GroupedSubmissions
from services.intake.handlers.read import Reading
from services.intake.handlers.submit import Submitting
from services.intake.settings import IntakeSettings
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.sql.database import Database

LANES = 4
"""Transactions of submissions at a time on PostgreSQL; SQLite has one writer."""


@dataclass(frozen=True)
class Intake:
    """The service, ready to be called by its entrypoints."""

    database: Database
    submitting: Submitting
    reading: Reading
    access: SqlAccessRules
    letters: DeadLetterRepository


def _now() -> datetime:
    return datetime.now(UTC)


def read_reference(data: Path) -> Reference:
    """The ids in the folder of reference data."""
    return Reference(frozenset(read_settlements(data)), read_icd10_codes(data))


@asynccontextmanager
async def bootstrap(
    settings: IntakeSettings, *, now: Callable[[], datetime] = _now, new_id: Callable[[], UUID] = uuid7
) -> AsyncIterator[Intake]:
    """Intake on the database of `settings`, which must have been migrated. Reads the reference data first."""
    reference = read_reference(settings.data)
    database = Database(settings.intake_sql_url)
    vault = AesVault(settings.data_keys)
    drafting = Drafting(vault, new_id)
    lanes = 1 if database.is_sqlite else LANES
    submissions = GroupedSubmissions(SqlSubmissions(database, drafting.bind), lanes)
    try:
        yield Intake(
            database,
            Submitting(submissions, drafting, reference, now),
            Reading(SqlDiagnoses(database), vault, now),
            SqlAccessRules(database),
            DeadLetterRepository(database, dead_letters),
        )
    finally:
        await database.close()
