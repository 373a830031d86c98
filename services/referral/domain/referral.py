"""A referral and what happens to it: each step is a pure function from a referral to a Change."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.contracts.events import ReferralEvent
from services.contracts.vocabulary import OfferState, Priority, ReferralState
from services.referral.domain.life import ROUTER, Command, transition
from services.referral.domain.programmes import Needs
from services.referral.domain.routing import Decision

ANSWER_WITHIN = timedelta(hours=72)
ANSWER_WITHIN_URGENT = timedelta(hours=24)
WAIT_WITHIN = timedelta(days=30)
ROUTE_WITHIN = timedelta(minutes=15)
ADMIT_WITHIN = timedelta(days=7)
_ROUTER = frozenset({ROUTER})


@dataclass(frozen=True, slots=True)
class Referral:
    """One child's way through the network. `attempt` counts the offers made or awaited; version 0 is unsaved."""

    id: UUID
    child_id: UUID
    polyclinic_id: str
    needs: Needs
    rank: int
    state: ReferralState
    version: int
    attempt: int
    center_id: str | None = None
    programme_id: str | None = None
    deadline_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """One attempt at one center."""

    referral_id: UUID
    attempt: int
    center_id: str
    programme_id: str
    kilometers: float
    state: OfferState
    made_at: datetime
    answer_by: datetime
    reason: str | None = None
    seen_at: datetime | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the history."""

    version: int
    at: datetime
    actor: str
    command: Command
    from_state: ReferralState
    to_state: ReferralState
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What one step makes true, to be saved as one: it holds only while the saved version is `expected`."""

    expected: int
    referral: Referral
    step: Step
    event: ReferralEvent
    offer: Offer | None = None
    decision: Decision | None = None


def change(
    before: Referral,
    command: Command,
    at: datetime,
    *,
    actor: str = ROUTER,
    roles: frozenset[str] = _ROUTER,
    reason: str | None = None,
    note: str | None = None,
    offer: Offer | None = None,
    decision: Decision | None = None,
    **fields: Any,
) -> Change:
    """`command` on `before`, with `fields` of the referral changed by it; raises IllegalTransition."""
    row = transition(before.state, command, roles)
    after = replace(before, state=row.to, version=before.version + 1, **fields)
    step = Step(after.version, at, actor, command, before.state, row.to, reason, note)
    event = row.event(
        referral_id=after.id,
        child_id=after.child_id,
        polyclinic_id=after.polyclinic_id,
        version=after.version,
        state=after.state,
        attempt=after.attempt,
        center_id=offer.center_id if offer else after.center_id,
        programme_id=offer.programme_id if offer else after.programme_id,
        actor=actor,
        reason=reason,
        deadline_at=after.deadline_at,
    )
    return Change(before.version, after, step, event, offer, decision)


def make_offer(
    before: Referral,
    programme_id: str,
    center_id: str,
    kilometers: float,
    at: datetime,
    *,
    command: Command = Command.OFFER,
    decision: Decision | None = None,
) -> Change:
    """A place is held: offer the child to its center, to be answered in 72 hours (24 when urgent)."""
    urgent = before.needs.priority is Priority.URGENT
    answer_by = at + (ANSWER_WITHIN_URGENT if urgent else ANSWER_WITHIN)
    offer = Offer(before.id, before.attempt, center_id, programme_id, kilometers, OfferState.MADE, at, answer_by)
    return change(
        before, command, at, offer=offer, decision=decision,
        center_id=center_id, programme_id=programme_id, deadline_at=answer_by,
    )  # fmt: skip


def start_waiting(before: Referral, at: datetime, decision: Decision) -> Change:
    """No candidate has a free place: the child waits in all their queues."""
    return change(
        before, Command.WAIT, at, decision=decision,
        center_id=None, programme_id=None, deadline_at=at + WAIT_WITHIN,
    )  # fmt: skip


def set_aside(before: Referral, at: datetime, decision: Decision) -> Change:
    """No programme accepts such a child: a person must look at it, now."""
    return change(before, Command.SET_ASIDE, at, decision=decision, center_id=None, programme_id=None, deadline_at=at)


def answer(
    before: Referral,
    offer: Offer,
    command: Command,
    at: datetime,
    *,
    actor: str,
    roles: frozenset[str],
    reason: str | None = None,
    note: str | None = None,
) -> Change:
    """The center has seen, accepted or declined `offer`. A declined child is with the router, for the next attempt."""
    row = transition(before.state, command, roles)
    fields: dict[str, Any] = {}
    marked = replace(offer, answered_at=at, reason=reason)
    if command is Command.SEEN:
        marked = replace(offer, seen_at=at)
    elif command is Command.ACCEPT:
        fields = {"deadline_at": at + ADMIT_WITHIN}
    else:
        fields = {"deadline_at": at + ROUTE_WITHIN, "center_id": None, "programme_id": None}
    marked = replace(marked, state=row.offer or offer.state)
    return change(before, command, at, actor=actor, roles=roles, reason=reason, note=note, offer=marked, **fields)
