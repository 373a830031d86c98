"""The access report: all that intake holds of a child, for its family."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.contracts.authority import Holder
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Role
from services.intake.handlers.notes import Note
from services.intake.handlers.read import DiagnosisRecord
from services.intake.handlers.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Replaced:
    """A submission before and after a correction or a join."""

    referral_id: UUID
    corrected_at: datetime
    before: DiagnosisSubmission
    after: DiagnosisSubmission


@dataclass(frozen=True, slots=True)
class Report:
    """`child_ids` are the child's own and those of children joined into it; each list is in the order of time."""

    child_ids: tuple[UUID, ...]
    records: Sequence[DiagnosisRecord]
    corrections: Sequence[Replaced]
    notes: Sequence[Note]
    transfers: Sequence[Transfer]

    @property
    def child_id(self) -> UUID:
        return self.child_ids[0]


class Reports(Protocol):
    """The recorded children, with everything about them."""

    async def of(self, reader: Holder, role: Role, child_id: UUID) -> Report | None:
        """The report, of one moment; None when there is no such child, or `reader`, as a polyclinic, has none of it.

        Raises HeldByOthers when another polyclinic has referrals of the child too: a report is whole or none.
        """
        ...
