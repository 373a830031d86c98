"""Joining two children who are one: a newborn who was submitted without an IIN, and again with it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Protocol
from uuid import UUID, uuid5

from services.contracts.authority import Holder, actor
from services.contracts.events import ChildrenJoinedV1, write_event
from services.contracts.topics import DIAGNOSES
from services.contracts.vocabulary import CLOSED, ReferralState, Role, steps_behind
from services.intake.domain.keys import Digests
from services.intake.handlers.access import Referrals
from services.intake.handlers.drafts import SOURCE, Draft, Drafting
from services.intake.handlers.read import DiagnosisRecord
from services.intake.handlers.vault import ChildKey
from services.kit import tracing
from services.kit.outgoing_event import OutgoingEvent


class NotJoinable(Exception):
    """The two are not one child: `code`, and why in words."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Known:
    """A diagnosis of one of the two children, and its referral's state as it was a moment ago."""

    record: DiagnosisRecord
    state: ReferralState
    ended: bool = False
    """It was to end by an earlier join, and its event is not there yet."""

    @property
    def progress(self) -> tuple[int, datetime]:
        """The smaller stays: the one that has come farther, of two that are equally far the earlier one."""
        return steps_behind(self.state), self.record.submitted_at


@dataclass(frozen=True, slots=True)
class Joined:
    """The child that stays, and the open referrals: the one that stays, and the one that ends."""

    child_id: UUID
    joined_child_id: UUID
    referral_id: UUID | None = None
    ended_referral_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written: the drafts of changed diagnoses by referral, and the events when two were open."""

    joined: Joined
    drafts: dict[UUID, Draft]
    iin_indexes: Digests
    """Empty without an IIN."""
    events: tuple[OutgoingEvent, ...]


class Children(Protocol):
    """The recorded children."""

    async def ids(self, child_ids: Collection[UUID]) -> list[UUID]:
        """The referrals of these children."""
        ...

    async def join(
        self,
        holder: Holder,
        role: Role,
        child_id: UUID,
        other_id: UUID,
        plan: Callable[[UUID, UUID, Sequence[Known]], Plan],
        states: Mapping[UUID, ReferralState],
        at: datetime,
    ) -> Joined | None:
        """Join `other_id` into `child_id` as planned, audited, durable; repeating it changes nothing.

        `states` are those of their referrals, of which one that is missing is not routed yet. An id that was joined
        before leads to its child: `plan` gets the ids of the two children. None when one does not exist, or `holder`,
        as a polyclinic, has no referral of it. Raises what `plan` does.
        """
        ...


@dataclass(frozen=True, slots=True)
class Joining:
    """Joins by a polyclinic that has referrals of both children, or by an operator."""

    children: Children
    referrals: Referrals
    drafting: Drafting
    now: Callable[[], datetime]

    async def join(self, holder: Holder, role: Role, child_id: UUID, other_id: UUID) -> Joined | None:
        """The outcome. Raises NotJoinable, and TransientError while the referral service does not answer."""
        if child_id == other_id:
            raise NotJoinable("same_child", "child_id: is the child itself")
        at, by = self.now(), actor(holder, role)
        known = await self.referrals.ask(await self.children.ids([child_id, other_id]))
        states = {id: one.state for id, one in known.items()}

        def plan(into: UUID, other: UUID, known: Sequence[Known]) -> Plan:
            return self._plan(into, other, known, at, by)

        return await self.children.join(holder, role, child_id, other_id, plan, states, at)

    def _plan(self, child_id: UUID, other_id: UUID, known: Sequence[Known], at: datetime, by: str) -> Plan:
        iin = _iin([one.record for one in known])
        [key, *_] = [one.record.key for one in known if one.record.child_id == child_id]
        drafts = {
            one.record.referral_id: draft for one in known if (draft := self._draft(one.record, key, iin, at, by))
        }
        not_closed = sorted((one for one in known if one.state not in CLOSED), key=lambda one: one.progress)
        kept, ended = (*(one.record.referral_id for one in not_closed if not one.ended), None, None)[:2]
        indexes = self.drafting.vault.indexes(iin) if iin else {}
        # Each with each: which one an earlier join has left open, the referral service decides.
        events = [
            _event(ChildrenJoinedV1(
                referral_id=one.record.referral_id, ended_referral_id=two.record.referral_id, child_id=child_id,
                joined_child_id=other_id, joined_at=at, actor=by,
            ))
            for one, two in combinations(not_closed, 2)
            if one.record.child_id != two.record.child_id
        ]  # fmt: skip
        return Plan(Joined(child_id, other_id, kept, ended), drafts, indexes, tuple(events))

    def _draft(self, record: DiagnosisRecord, key: ChildKey, iin: str | None, at: datetime, by: str) -> Draft | None:
        """The diagnosis with the child that stays and its IIN; None when both are so already."""
        child = record.submission.child
        named = ("child.iin",) if child.iin != iin else ()
        if record.child_id == key.child_id and not named:
            return None
        submission = record.submission.model_copy(update={"child": child.model_copy(update={"iin": iin})})
        draft = self.drafting.draft(submission, record.polyclinic_id, record.submitted_at)
        self.drafting.correct(draft, record.referral_id, key, record.version + 1, named or ("child",), at, by)
        return draft


def _event(data: ChildrenJoinedV1) -> OutgoingEvent:
    event_id = str(uuid5(data.referral_id, f"joined {data.ended_referral_id}"))
    event = write_event(data, event_id=event_id, source=SOURCE, time=data.joined_at, traceparent=tracing.current())
    return OutgoingEvent(DIAGNOSES, str(data.referral_id), event, event_id)


def _iin(records: Sequence[DiagnosisRecord]) -> str | None:
    """The one IIN of both children. Raises NotJoinable when they are two."""
    people = [one.submission.child for one in records]
    iins = {one.iin for one in people if one.iin}
    if len(iins) > 1:
        raise NotJoinable("different_iins", "The two have different IINs: correct the wrong one first")
    for field in ("birth_date", "sex"):
        if len({getattr(one, field) for one in people}) > 1:
            raise NotJoinable("different_children", f"The two differ in child.{field}: correct the wrong one first")
    return next(iter(iins), None)
