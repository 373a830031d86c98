"""Acts of people on a referral: a center's answers, a polyclinic's and an operator's decisions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.contracts.vocabulary import OfferState
from services.referral.domain import deadlines
from services.referral.domain.life import Command, transition
from services.referral.domain.referral import IN_HAND, Change, Offer, Referral, change, current, failing, nowhere, until

FAMILY_WITHDREW = "family_withdrew"
"""The reason of a cancellation by the family."""
COURSE_DAYS = 25
"""The longest course, for a programme that is closed."""
Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """One command by one person in one role. `admit_on` goes with accept, `course_days` with admit."""

    command: Command
    at: datetime
    actor: str
    role: str
    reason: str | None = None
    note_id: UUID | None = None
    admit_on: date | None = None
    course_days: int = COURSE_DAYS


def act(before: Referral, offers: Sequence[Offer], done: Act) -> Change:
    """The effects of `done` on a referral with these offers; raises IllegalTransition."""
    row = transition(before.state, done.command, done.role)
    reason = FAMILY_WITHDREW if done.command is Command.WITHDRAW else done.reason
    offer = current(before, offers)
    marked = _marked(offer, row.offer, done.at, reason) if offer and row.offer else None
    fields = _FIELDS[done.command](done) | (failing(before, offers, row.offer, done.at) if marked else {})
    return change(
        before, done.command, done.at, role=done.role, actor=done.actor, reason=reason,
        note_id=done.note_id, offer=marked, **fields,
    )  # fmt: skip


def _marked(offer: Offer, to: OfferState, at: datetime, reason: str | None) -> Offer | None:
    """The offer afterwards; one that has ended stays as it was."""
    if offer.state not in IN_HAND:
        return None
    if to is OfferState.SEEN:
        return replace(offer, state=to, seen_at=at)
    return replace(offer, state=to, answered_at=at, reason=reason)


def _accepted(done: Act) -> Fields:
    day = done.admit_on or deadlines.agreed_day(done.at)
    return {"admit_on": day, **until(deadlines.to_admit(day))}


def _to_router(done: Act) -> Fields:
    return nowhere() | until(deadlines.to_route(done.at))


def _admitted(done: Act) -> Fields:
    return {"admitted_at": done.at, **until(deadlines.to_discharge(done.at, done.course_days))}


def _missed(done: Act) -> Fields:
    return nowhere() | until(deadlines.to_review(done.at))


def _closed(_: Act) -> Fields:
    return {"deadline_at": None, "due_at": None}


_FIELDS: dict[Command, Callable[[Act], Fields]] = {
    Command.SEEN: lambda _: {},
    Command.ACCEPT: _accepted,
    Command.DECLINE: _to_router,
    Command.ADMIT: _admitted,
    Command.NO_SHOW: _missed,
    Command.OFFER_AGAIN: _to_router,
    Command.DISCHARGE: _closed,
    Command.CANCEL: lambda done: nowhere() | _closed(done),
    Command.WITHDRAW: lambda done: nowhere() | _closed(done),
}
