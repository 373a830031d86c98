"""Reading personal data, under the access rules."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.contracts.authority import Holder
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Priority
from services.intake.domain.keys import Digests
from services.intake.handlers.access import Referrals, offered
from services.intake.handlers.vault import ChildKey, Vault


class Read(StrEnum):
    """A kind of read, and by which key it finds diagnoses."""

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
    consent_withdrawn_at: datetime | None = None


class Diagnoses(Protocol):
    """The recorded diagnoses."""

    async def ids(self, read: Read, key: UUID | Digests) -> list[UUID]:
        """The referrals that `key` finds, whoever has them, newest first."""
        ...

    async def find(
        self, reader: Holder, read: Read, key: UUID | Digests, offered: Collection[UUID]
    ) -> list[DiagnosisRecord]:
        """The diagnoses that `reader` may read, newest first; of a refusal the audit log names the child.

        A polyclinic may read its own; a center, those that are `offered` to it; a hospital, both.
        """
        ...

    async def names(self, polyclinic_id: str, referral_ids: Collection[UUID]) -> dict[UUID, str]:
        """The children's names, of those of these referrals that are the polyclinic's; the audit log has each,
        others' as refused.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """The reads of personal data. A result is empty when nothing exists and when the reader may not see it.

    Raises TransientError while the referral service does not say who has the child, whether there is one or not.
    """

    diagnoses: Diagnoses
    referrals: Referrals
    vault: Vault

    async def diagnosis(self, reader: Holder, referral_id: UUID) -> list[DiagnosisRecord]:
        return await self._find(reader, Read.DIAGNOSIS, referral_id)

    async def child(self, reader: Holder, child_id: UUID) -> list[DiagnosisRecord]:
        return await self._find(reader, Read.CHILD, child_id)

    async def look_up(self, reader: Holder, iin: str) -> list[DiagnosisRecord]:
        return await self._find(reader, Read.LOOKUP, self.vault.indexes(iin))

    async def names(self, polyclinic_id: str, referral_ids: Collection[UUID]) -> dict[UUID, str]:
        """Of the polyclinic's own of these: nobody else is asked, since intake knows whose they are."""
        return await self.diagnoses.names(polyclinic_id, referral_ids)

    async def _find(self, reader: Holder, read: Read, key: UUID | Digests) -> list[DiagnosisRecord]:
        known = await self.referrals.ask(await self.diagnoses.ids(read, key))
        return await self.diagnoses.find(reader, read, key, offered(known, reader))
