"""Reading personal data: only who may, and each read leaves its row in the audit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Priority, Role
from services.intake.handlers.drafts import Vault


class Action(StrEnum):
    """What was read, as the audit says it."""

    DIAGNOSIS_READ = "diagnosis.read"
    CHILD_READ = "child.read"
    CHILD_LOOKED_UP = "child.lookup"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: what the access rules compare, and what the audit keeps."""

    subject: str
    role: Role
    org: str


@dataclass(frozen=True, slots=True)
class StoredDiagnosis:
    """A row as it is kept."""

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    submitted_at: datetime
    priority: Priority
    sealed: bytes


@dataclass(frozen=True, slots=True)
class DiagnosisRecord:
    """A submission as its polyclinic made it, and what was made of it."""

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    submitted_at: datetime
    priority: Priority
    submission: DiagnosisSubmission


Found = list[StoredDiagnosis]


class Diagnoses(Protocol):
    """Finds what an asker may read: its own (a polyclinic), or those it holds an open offer for (a center).

    Each answer is newest first, and audited in the same transaction under `action` at `now`.
    """

    async def by_referral(
        self, asker: Asker, referral_id: UUID, action: Action, now: datetime
    ) -> list[StoredDiagnosis]: ...

    async def by_child(self, asker: Asker, child_id: UUID, action: Action, now: datetime) -> Found: ...

    async def by_iin(self, asker: Asker, iin_index: bytes, action: Action, now: datetime) -> Found: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Each answers with what the asker may see, newest first; nothing, whether it is not there or not the asker's."""

    diagnoses: Diagnoses
    vault: Vault
    now: Callable[[], datetime]

    async def diagnosis(self, asker: Asker, referral_id: UUID) -> list[DiagnosisRecord]:
        return self._opened(await self.diagnoses.by_referral(asker, referral_id, Action.DIAGNOSIS_READ, self.now()))

    async def child(self, asker: Asker, child_id: UUID) -> list[DiagnosisRecord]:
        return self._opened(await self.diagnoses.by_child(asker, child_id, Action.CHILD_READ, self.now()))

    async def look_up(self, asker: Asker, iin: str) -> list[DiagnosisRecord]:
        index = self.vault.index(iin)
        return self._opened(await self.diagnoses.by_iin(asker, index, Action.CHILD_LOOKED_UP, self.now()))

    def _opened(self, stored: Sequence[StoredDiagnosis]) -> list[DiagnosisRecord]:
        return [
            DiagnosisRecord(
                one.referral_id,
                one.child_id,
                one.polyclinic_id,
                one.submitted_at,
                one.priority,
                DiagnosisSubmission.model_validate_json(self.vault.open(one.child_id, one.sealed)),
            )
            for one in stored
        ]
