"""Reading personal data, under the access rules; each read is written to the audit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.contracts.authority import Holder
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Priority
from services.intake.domain.keys import Digests
from services.intake.handlers.vault import ChildKey, Vault


class Read(StrEnum):
    """A kind of read, as the audit names it, and by which key it finds diagnoses."""

    DIAGNOSIS = "diagnosis.read"
    """By referral id."""
    CHILD = "child.read"
    """By child id."""
    LOOKUP = "child.lookup"
    """By the IIN's indexes."""


@dataclass(frozen=True, slots=True)
class DiagnosisRecord:
    """A recorded submission with its ids, its priority, and its version (1 until it is corrected)."""

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    submitted_at: datetime
    priority: Priority
    submission: DiagnosisSubmission
    version: int
    child_version: int
    key: ChildKey
    changed_at: datetime | None = None


class Diagnoses(Protocol):
    """The recorded diagnoses."""

    async def find(self, reader: Holder, read: Read, key: UUID | Digests, now: datetime) -> list[DiagnosisRecord]:
        """The diagnoses that `reader` may read, newest first, audited in the same transaction.

        A polyclinic may read its own; a center, those that are offered to it now; a hospital, both.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """The reads of personal data. A result is empty when nothing exists and when the reader may not see it."""

    diagnoses: Diagnoses
    vault: Vault
    now: Callable[[], datetime]

    async def diagnosis(self, reader: Holder, referral_id: UUID) -> list[DiagnosisRecord]:
        return await self.diagnoses.find(reader, Read.DIAGNOSIS, referral_id, self.now())

    async def child(self, reader: Holder, child_id: UUID) -> list[DiagnosisRecord]:
        return await self.diagnoses.find(reader, Read.CHILD, child_id, self.now())

    async def look_up(self, reader: Holder, iin: str) -> list[DiagnosisRecord]:
        return await self.diagnoses.find(reader, Read.LOOKUP, self.vault.indexes(iin), self.now())
