"""Deadline steps: what the steward does with a referral that is due. Each makes it due again, later."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.contracts.vocabulary import OfferState, ReferralState
from services.referral.domain import deadlines
from services.referral.domain.deadlines import Until
from services.referral.domain.life import STEWARD, Command
from services.referral.domain.referral import (
    Change,
    Escalation,
    Offer,
    Referral,
    change,
    current,
    escalated,
    failing,
    nowhere,
    review_at,
    until,
)
from services.referral.domain.routing import Decision

REVIEWED = frozenset({ReferralState.WAITING, ReferralState.UNPLACEABLE})
"""The child may become too old or old enough for a programme, a programme may change, a center may answer again."""
_ESCALATIONS = {
    ReferralState.SUBMITTED: Escalation.NOT_ROUTED,
    ReferralState.WAITING: Escalation.WAITING_LONG,
    ReferralState.UNPLACEABLE: Escalation.UNPLACEABLE,
    ReferralState.ACCEPTED: Escalation.NOT_ADMITTED,
    ReferralState.ADMITTED: Escalation.NOT_DISCHARGED,
    ReferralState.NO_SHOW: Escalation.NOT_OFFERED_AGAIN,
}


def deadline_step(
    before: Referral, offers: Sequence[Offer], now: datetime, pass_over: timedelta = deadlines.PASS_OVER
) -> Change | None:
    """The step that is due at `now`: a reminder, an expiry, an escalation; None when none is.

    An expiry passes the center over for the time `pass_over`.
    """
    if before.due_at is None or before.due_at > now:
        return None
    early = before.deadline_at is not None and now < before.deadline_at
    if before.state is ReferralState.OFFERED:
        return _remind(before, now) if early else _expire(before, offers, now, pass_over)
    return None if early and before.state in REVIEWED else _escalate(before, offers, now)


def review(before: Referral, queues: Collection[str], decision: Decision, now: datetime) -> Change | None:
    """Back to the router, with the same rank, when the candidates are no longer the programmes of `queues`."""
    return None if decision.programme_ids == set(queues) else return_to_router(before, now)


def return_to_router(before: Referral, now: datetime) -> Change:
    """To be routed anew. A waiting child keeps the deadline of its waiting: the 30 days do not begin anew.

    A child that is with the router already gets another attempt: a claim that is under way, for what was known before,
    is never recorded, and the next one takes back what it got.
    """
    if before.state is ReferralState.SUBMITTED:
        return _step(before, Command.REVIEW, now, attempt=before.attempt + 1)
    limit = deadlines.to_route(now)
    if before.state is ReferralState.WAITING and before.deadline_at:
        limit = Until(before.deadline_at, limit.due)
    return _step(before, Command.REVIEW, now, **nowhere(), **until(limit))


def _remind(before: Referral, now: datetime) -> Change:
    return _step(before, Command.REMIND, now, due_at=before.deadline_at)


def _expire(before: Referral, offers: Sequence[Offer], now: datetime, pass_over: timedelta) -> Change:
    offer = current(before, offers)
    over = offer and replace(offer, state=OfferState.EXPIRED, answered_at=now, passed_over_until=now + pass_over)
    fields = nowhere() | until(deadlines.to_route(now)) | failing(before, offers, OfferState.EXPIRED, now)
    return _step(before, Command.EXPIRE, now, offer=over, **fields)


def _escalate(before: Referral, offers: Sequence[Offer], now: datetime) -> Change:
    """A referral keeps its place on the worklist; failed offers stay the reason until an offer is accepted."""
    reason = _ESCALATIONS[before.state]
    shown = Escalation.FAILED_OFFERS if before.escalation is Escalation.FAILED_OFFERS else reason
    since = before.escalated_at or now
    passed_over = offers if before.state in REVIEWED else ()
    return _step(
        before, Command.ESCALATE, now, reason=reason, passed_over=passed_over,
        **until(_next(before, offers, now)), **escalated(shown, since),
    )  # fmt: skip


def _next(before: Referral, offers: Sequence[Offer], now: datetime) -> Until:
    """The next deadline, should nothing happen."""
    if before.state is ReferralState.WAITING:
        return deadlines.to_wait(now, review_at(before.needs, offers, now))
    if before.state is ReferralState.SUBMITTED:
        return Until.moment(now + deadlines.ROUTE_AGAIN_WITHIN)
    limit = deadlines.to_review(now)
    return limit.or_sooner(review_at(before.needs, offers, now)) if before.state in REVIEWED else limit


def _step(before: Referral, command: Command, now: datetime, **more: Any) -> Change:
    return change(before, command, now, role=STEWARD, actor=STEWARD, **more)
