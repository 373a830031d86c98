"""A referral, its offers, and the router's steps: each a pure function from a referral to a Change."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.contracts.events import ReferralEvent
from services.contracts.vocabulary import CLOSED, OfferState, ReferralState
from services.contracts.working_days import KAZAKHSTAN, WorkingDays
from services.referral.domain import deadlines
from services.referral.domain.deadlines import Until
from services.referral.domain.eligibility import Exclusion
from services.referral.domain.life import ROUTER, Command, Transition, transition
from services.referral.domain.programmes import Needs
from services.referral.domain.routing import Decision

IN_HAND = frozenset({OfferState.MADE, OfferState.SEEN, OfferState.ACCEPTED})
FAILED = frozenset({OfferState.DECLINED, OfferState.EXPIRED, OfferState.MISSED})
"""The ends of an offer that did not become care."""
CENTER_WIDE = frozenset({"family_refused", "unreachable", "temporarily_closed"})
"""Reasons for a decline that hold for the whole center; the others are the programme's."""
ANSWERS = frozenset({Command.ACCEPT, Command.DECLINE})
"""Acts by which a center shows that it answers: it is passed over no longer."""
HELP_AFTER = 5
"""So many failed offers put a referral on the operators' worklist; it is still routed on."""


class Escalation(StrEnum):
    """Why a referral is on the operators' worklist: codes of `data/reasons.csv`."""

    FAILED_OFFERS = "failed_offers"
    UNPLACEABLE = "unplaceable"
    WAITING_LONG = "waiting_long"
    NOT_ROUTED = "not_routed"
    NOT_ADMITTED = "not_admitted"
    NOT_DISCHARGED = "not_discharged"
    NOT_OFFERED_AGAIN = "not_offered_again"


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
    due_at: datetime | None = None
    """When the next deadline step is due; every open referral has both."""
    admit_on: date | None = None
    admitted_at: datetime | None = None
    escalated_at: datetime | None = None
    escalation: Escalation | None = None
    changed_at: datetime | None = None
    """When its polyclinic last corrected the data; `diagnosis_version` is that of the data."""
    diagnosis_version: int = 1
    submitted_by: str | None = None
    """The actor, as histories name it."""


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
    passed_over_until: datetime | None = None
    """After an expiry: the child is not offered to this center again before; None from when the center answers anything
    again, or the referral is offered again."""

    def passes_over(self, now: datetime) -> bool:
        return self.passed_over_until is not None and self.passed_over_until > now


def excluded_ids(offers: Sequence[Offer], now: datetime) -> frozenset[str]:
    """The programmes and centers that are not asked after these offers: those that declined, for ever, and those that
    did not answer, while they are passed over. Where the child did not come, it may be asked again."""
    declined = [one for one in offers if one.state is OfferState.DECLINED]
    centers = {one.center_id for one in declined if one.reason in CENTER_WIDE}
    centers |= {one.center_id for one in offers if one.passes_over(now)}
    return frozenset({one.programme_id for one in declined} | centers)


def review_at(needs: Needs, offers: Sequence[Offer], now: datetime) -> datetime:
    """When other programmes may accept the child: it is a month older, or a center is passed over no longer."""
    over = (one.passed_over_until for one in offers if one.passed_over_until and one.passed_over_until > now)
    return min([needs.older_at(now), *over])


@dataclass(frozen=True, slots=True)
class ReferralWithOffers:
    """A referral with its offers, the newest last."""

    referral: Referral
    offers: tuple[Offer, ...] = ()

    @property
    def offer(self) -> Offer | None:
        """The offer of the referral's own attempt, when one was made."""
        return current(self.referral, self.offers)

    def excluded_ids(self, now: datetime) -> frozenset[str]:
        return excluded_ids(self.offers, now)

    def review_at(self, now: datetime) -> datetime:
        return review_at(self.referral.needs, self.offers, now)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A line of the history."""

    version: int
    at: datetime
    actor: str
    command: Command
    from_state: ReferralState
    to_state: ReferralState
    reason: str | None = None
    detail: str | None = None
    """Coded: the corrected fields, or `joined`."""
    note_id: UUID | None = None
    """Of the note with which a person acted, which is sealed in intake."""


@dataclass(frozen=True, slots=True)
class Change:
    """The effects of one step, to be saved as one, while the saved version is `expected`."""

    expected: int
    referral: Referral
    entry: HistoryEntry
    event: ReferralEvent
    offer: Offer | None = None
    decision: Decision | None = None
    queues: tuple[str, ...] = ()
    """The programmes whose queues the child joins."""
    passed_over: tuple[int, ...] = ()
    """The attempts for whose expiry centers are passed over still: the change rests on it."""

    @property
    def answered_center(self) -> str | None:
        """The center that answered by this change."""
        return self.offer.center_id if self.offer and self.entry.command in ANSWERS else None


def change(
    before: Referral,
    command: Command,
    at: datetime,
    *,
    role: str = ROUTER,
    actor: str = ROUTER,
    reason: str | None = None,
    detail: str | None = None,
    note_id: UUID | None = None,
    offer: Offer | None = None,
    decision: Decision | None = None,
    queues: Collection[str] = (),
    passed_over: Sequence[Offer] = (),
    **fields: Any,
) -> Change:
    """`command` on `before` by `role`, with `fields` of the referral changed by it; raises IllegalTransition.

    `passed_over`: the offers by which centers are excluded or the next review was set.
    """
    row = transition(before.state, command, role)
    after = replace(before, state=row.to, version=before.version + 1, **_escalation_after(before, row) | fields)
    entry = HistoryEntry(after.version, at, actor, command, before.state, row.to, reason, detail, note_id)
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
        admit_on=after.admit_on,
        escalation=after.escalation,
    )
    attempts = tuple(one.attempt for one in passed_over if one.passes_over(at))
    return Change(before.version, after, entry, event, offer, decision, tuple(queues), attempts)


def until(deadline: Until) -> dict[str, Any]:
    """The fields of a deadline."""
    return {"deadline_at": deadline.at, "due_at": deadline.due}


def nowhere() -> dict[str, Any]:
    """The fields of a referral without a center."""
    return {"center_id": None, "programme_id": None, "admit_on": None}


def escalated(reason: Escalation, at: datetime) -> dict[str, Any]:
    """The fields of a referral on the operators' worklist."""
    return {"escalation": reason, "escalated_at": at}


def current(before: Referral, offers: Sequence[Offer]) -> Offer | None:
    """The offer of the referral's own attempt, when one was made."""
    return next((one for one in offers if one.attempt == before.attempt), None)


def failing(before: Referral, offers: Sequence[Offer], to: OfferState | None, at: datetime) -> dict[str, Any]:
    """The fields after one more offer of `offers` ended as `to`: too many failed ones need an operator."""
    failed = sum(offer.state in FAILED for offer in offers) + (to in FAILED)
    known = before.escalation is Escalation.FAILED_OFFERS
    return {} if to not in FAILED or failed < HELP_AFTER or known else escalated(Escalation.FAILED_OFFERS, at)


def _escalation_after(before: Referral, row: Transition) -> dict[str, Any]:
    """A step to another state takes a referral off the worklist.

    Failed offers stay on it until an offer is accepted, a long wait until the child leaves the queues.
    """
    if before.escalation is Escalation.WAITING_LONG and (
        row.command is Command.REVIEW or row.to is ReferralState.WAITING
    ):
        return {}
    goes_on = row.to is not ReferralState.ACCEPTED and row.to not in CLOSED and row.command is not Command.OFFER_AGAIN
    failing = before.escalation is Escalation.FAILED_OFFERS and goes_on
    return {} if row.to is before.state or failing else {"escalation": None, "escalated_at": None}


def make_offer(
    before: Referral,
    programme_id: str,
    center_id: str,
    kilometers: float,
    at: datetime,
    *,
    command: Command = Command.OFFER,
    decision: Decision | None = None,
    working_days: WorkingDays = KAZAKHSTAN,
) -> Change:
    """A place is held: offer the child to its center, to be answered in three working days (one when urgent)."""
    limit = deadlines.to_answer(at, before.needs.priority, working_days)
    offer = Offer(before.id, before.attempt, center_id, programme_id, kilometers, OfferState.MADE, at, limit.at)
    return change(
        before, command, at, offer=offer, decision=decision,
        center_id=center_id, programme_id=programme_id, **until(limit),
    )  # fmt: skip


def start_waiting(
    before: Referral, at: datetime, decision: Decision, queues: Collection[str], offers: Sequence[Offer] = ()
) -> Change:
    """No candidate has a free place: the child waits in these queues. `offers` are those made before."""
    limit = deadlines.to_wait(at, review_at(before.needs, offers, at))
    if before.deadline_at and before.due_at and before.deadline_at != before.due_at:  # reviewed amid its waiting
        limit = Until(before.deadline_at, min(before.deadline_at, limit.due))
    return change(
        before, Command.WAIT, at, decision=decision, queues=queues, passed_over=offers, **nowhere(), **until(limit)
    )


def set_aside(before: Referral, at: datetime, decision: Decision, offers: Sequence[Offer] = ()) -> Change:
    """No programme accepts the child: unplaceable, and on the operators' worklist from now on."""
    limit = deadlines.to_review(at).or_sooner(review_at(before.needs, offers, at))
    return change(
        before, Command.SET_ASIDE, at, decision=decision, reason=_why_nowhere(decision), passed_over=offers,
        **nowhere(), **until(limit), **escalated(Escalation.UNPLACEABLE, at),
    )  # fmt: skip


def _why_nowhere(decision: Decision) -> str:
    """A code of kind `unplaceable`: the obstacle at the programmes that would otherwise accept the child."""
    if Exclusion.DECLINED in decision.own:
        return "all_declined"
    return "too_far" if Exclusion.DISTANCE in decision.own else "no_programme"
