"""Transfers: a child's open referral goes to another polyclinic, and keeps its turn, its offers and its place."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.contracts.authority import OPERATORS, Holder, acting_role, actor
from services.contracts.vocabulary import Role
from services.contracts.working_days import WorkingDays
from services.intake.domain.keys import Digests
from services.intake.handlers.access import Referrals
from services.intake.handlers.drafts import Draft, Drafting
from services.intake.handlers.read import DiagnosisRecord
from services.kit.audit import note

TO_ANSWER = timedelta(days=3)
"""Working days that the holder has; then the transfer is on the operators' worklist."""
DECIDERS = (Role.POLYCLINIC, *OPERATORS)


class TransferState(StrEnum):
    ASKED = "asked"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    OVER = "over"
    """The referral was closed, or went to another polyclinic, before the answer."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """The polyclinic `to` asks `holder` for a referral."""

    transfer_id: UUID
    referral_id: UUID
    child_id: UUID
    holder: str
    to: str
    asked_at: datetime
    answer_by: datetime
    state: TransferState = TransferState.ASKED
    decided_at: datetime | None = None
    decided_by: str | None = None

    def overdue(self, now: datetime) -> bool:
        return self.state is TransferState.ASKED and self.answer_by <= now


@dataclass(frozen=True, slots=True)
class Wanted:
    """The child whom a polyclinic asks for, as it knows it."""

    iin: str
    full_name: str
    birth_date: date

    def is_child_of(self, record: DiagnosisRecord) -> bool:
        child = record.submission.child
        return child.birth_date == self.birth_date and _folded(child.full_name) == _folded(self.full_name)


class AlreadyDecided(Exception):
    """Another decision was made before; `state` is what it is now."""

    def __init__(self, state: TransferState) -> None:
        super().__init__(f"the transfer is {state}")
        self.state = state


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """Which transfers: those of a polyclinic, that asks or is asked; those overdue at a moment; those it may decide."""

    org: str | None = None
    overdue_at: datetime | None = None
    to_decide: bool = False
    """Not decided yet, and asked of `org`, or of anybody without one."""


class Transfers(Protocol):
    """The recorded transfers."""

    async def find_open(self, indexes: Digests) -> DiagnosisRecord | None:
        """The open diagnosis of the child with these IIN indexes, as far as it is known as open."""
        ...

    async def ask(self, transfer: Transfer) -> None:
        """Record it, unless the same polyclinic has asked already and waits."""
        ...

    async def find(self, transfer_id: UUID) -> Transfer | None: ...

    async def page(self, wanted: TransferFilter, after: UUID | None, most: int) -> list[Transfer]:
        """The oldest first."""
        ...

    async def count(self, wanted: TransferFilter) -> int: ...

    async def decide(
        self, by: str, transfer: Transfer, state: TransferState, draft: Callable[[DiagnosisRecord], Draft], at: datetime
    ) -> Transfer:
        """The transfer as it is now: in that `state`, or OVER when the holder has the referral no longer.

        When it is accepted the referral is that of the draft, with the event. Raises AlreadyDecided.
        """
        ...


@dataclass(frozen=True, slots=True)
class Transferring:
    """Transfers by polyclinics and operators."""

    transfers: Transfers
    referrals: Referrals
    drafting: Drafting
    working_days: WorkingDays
    now: Callable[[], datetime]

    async def ask(self, asker: Holder, wanted: Wanted) -> None:
        """Ask the holder. Whoever asks learns nothing by it, whether there is such a child or not.

        Raises TransientError while the referral service does not answer.
        """
        found = await self.transfers.find_open(self.drafting.vault.indexes(wanted.iin))
        known = await self.referrals.ask([found.referral_id] if found else [])
        if found is None or found.polyclinic_id == asker.org or any(one.closed for one in known.values()):
            return
        at, agrees = self.now(), wanted.is_child_of(found)
        note({"agrees": agrees}, child_id=found.child_id, referral_id=found.referral_id)
        if not agrees:
            return
        transfer = Transfer(
            transfer_id=self.drafting.new_id(), referral_id=found.referral_id, child_id=found.child_id,
            holder=found.polyclinic_id, to=asker.org, asked_at=at,
            answer_by=self.working_days.after(at, TO_ANSWER),
        )  # fmt: skip
        await self.transfers.ask(transfer)

    async def listed(
        self, reader: Holder, *, overdue: bool, to_decide: bool, after: UUID | None, most: int
    ) -> tuple[list[Transfer], int]:
        """A page, and how many there are in all. An operator's: all; a polyclinic's: those that it asked for, and those
        that it is asked for.
        """
        org = None if acting_role(reader, OPERATORS) else reader.org
        wanted = TransferFilter(org, self.now() if overdue else None, to_decide)
        return await self.transfers.page(wanted, after, most), await self.transfers.count(wanted)

    async def decide(self, decider: Holder, transfer_id: UUID, *, accept: bool) -> Transfer | None:
        """The decided transfer; None when there is none that `decider` may decide. Raises AlreadyDecided, as above."""
        transfer = await self.transfers.find(transfer_id)
        if transfer is None:
            return None
        at, wanted = self.now(), TransferState.ACCEPTED if accept else TransferState.REFUSED
        role = acting_role(decider, DECIDERS, polyclinic_id=transfer.holder)
        note(child_id=transfer.child_id, referral_id=transfer.referral_id, role=role or "")
        if role is None:
            return None
        if transfer.state is wanted:
            return transfer
        by = actor(decider, role)
        known = await self.referrals.ask([transfer.referral_id])
        state = TransferState.OVER if any(one.closed for one in known.values()) else wanted

        def draft(record: DiagnosisRecord) -> Draft:
            draft = self.drafting.draft(record.submission, transfer.to, record.submitted_at)
            self.drafting.correct(draft, record.referral_id, record.key, record.version + 1, ("polyclinic_id",), at, by)
            return draft

        return await self.transfers.decide(by, transfer, state, draft, at)


def _folded(name: str) -> Sequence[str]:
    """A name as it is compared: letters in one form and case, whatever space is between the words."""
    return unicodedata.normalize("NFC", name).casefold().split()
