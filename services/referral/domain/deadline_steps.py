"""Deadline steps: what the steward does with a referral that is due. Each makes it due again, later."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
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
    until,
)
from services.referral.domain.routing import Decision

REVIEWED = frozenset({ReferralState.WAITING, ReferralState.UNPLACEABLE})
"""The child may become too old or old enough for a programme, and a programme may change."""
_ESCALATIONS = {
    ReferralState.SUBMITTED: Escalation.NOT_ROUTED,
    ReferralState.WAITING: Escalation.WAITING_LONG,
    ReferralState.UNPLACEABLE: Escalation.UNPLACEABLE,
    ReferralState.ACCEPTED: Escalation.NOT_ADMITTED,
    ReferralState.ADMITTED: Escalation.NOT_DISCHARGED,
    ReferralState.NO_SHOW: Escalation.NOT_OFFERED_AGAIN,
}


def deadline_step(before: Referral, offers: Sequence[Offer], now: datetime) -> Change | None:
    """The step that is due at `now`: a reminder, an expiry, an escalation; None when none is."""
    if before.due_at is None or before.due_at > now:
        return None
    early = before.deadline_at is not None and now < before.deadline_at
    if before.state is ReferralState.OFFERED:
        return _remind(before, now) if early else _expire(before, offers, now)
    return None if early and before.state in REVIEWED else _escalate(before, now)


def review(before: Referral, queues: Collection[str], decision: Decision, now: datetime) -> Change | None:
    """Back to the router, with the same rank, when the candidates are no longer the programmes of `queues`."""
    return None if decision.programme_ids == set(queues) else return_to_router(before, now)


def return_to_router(before: Referral, now: datetime) -> Change:
    """To be routed anew. A waiting child keeps the deadline of its waiting: the 30 days do not begin anew."""
    limit = deadlines.to_route(now)
    if before.state is ReferralState.WAITING and before.deadline_at:
        limit = Until(before.deadline_at, limit.due)
    return _step(before, Command.REVIEW, now, **nowhere(), **until(limit))


def _remind(before: Referral, now: datetime) -> Change:
    return _step(before, Command.REMIND, now, due_at=before.deadline_at)


def _expire(before: Referral, offers: Sequence[Offer], now: datetime) -> Change:
    offer = current(before, offers)
    over = replace(offer, state=OfferState.EXPIRED, answered_at=now) if offer else None
    fields = nowhere() | until(deadlines.to_route(now)) | failing(before, offers, OfferState.EXPIRED, now)
    return _step(before, Command.EXPIRE, now, offer=over, **fields)


def _escalate(before: Referral, now: datetime) -> Change:
    """A referral keeps its place on the worklist; failed offers stay the reason until an offer is accepted."""
    reason = _ESCALATIONS[before.state]
    shown = Escalation.FAILED_OFFERS if before.escalation is Escalation.FAILED_OFFERS else reason
    since = before.escalated_at or now
    return _step(before, Command.ESCALATE, now, reason=reason, **until(_next(before, now)), **escalated(shown, since))


def _next(before: Referral, now: datetime) -> Until:
    """The next deadline, should nothing happen."""
    if before.state is ReferralState.WAITING:
        return deadlines.to_wait(now, before.needs.older_at(now))
    if before.state is ReferralState.SUBMITTED:
        return Until.moment(now + deadlines.ROUTE_AGAIN_WITHIN)
    limit = deadlines.to_review(now)
    return limit.or_sooner(before.needs.older_at(now)) if before.state in REVIEWED else limit


def _step(before: Referral, command: Command, now: datetime, **more: Any) -> Change:
    return change(before, command, now, role=STEWARD, actor=STEWARD, **more)
