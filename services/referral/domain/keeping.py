"""Keeping deadlines: what the steward does to a referral that is due. Each step makes it due again, later."""

from collections.abc import Sequence
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

_STEWARD = frozenset({STEWARD})
_WHY = {
    ReferralState.SUBMITTED: Escalation.NOT_ROUTED,
    ReferralState.WAITING: Escalation.WAITING_LONG,
    ReferralState.UNPLACEABLE: Escalation.UNPLACEABLE,
    ReferralState.ACCEPTED: Escalation.NOT_ADMITTED,
    ReferralState.ADMITTED: Escalation.NOT_DISCHARGED,
    ReferralState.NO_SHOW: Escalation.NOT_OFFERED_AGAIN,
}


def keep(before: Referral, offers: Sequence[Offer], now: datetime) -> Change | None:
    """What is due at `now`: a reminder, an expiry, an escalation; None when nothing is."""
    if before.due_at is None or before.due_at > now:
        return None
    if before.state is not ReferralState.OFFERED:
        return _escalate(before, now)
    early = before.deadline_at is not None and now < before.deadline_at
    return _remind(before, now) if early else _expire(before, offers, now)


def _remind(before: Referral, now: datetime) -> Change:
    return _step(before, Command.REMIND, now, due_at=before.deadline_at)


def _expire(before: Referral, offers: Sequence[Offer], now: datetime) -> Change:
    offer = current(before, offers)
    over = replace(offer, state=OfferState.EXPIRED, answered_at=now) if offer else None
    fields = nowhere() | until(deadlines.to_route(now)) | failing(before, offers, OfferState.EXPIRED, now)
    return _step(before, Command.EXPIRE, now, offer=over, **fields)


def _escalate(before: Referral, now: datetime) -> Change:
    why = _WHY[before.state]
    return _step(before, Command.ESCALATE, now, reason=why, **until(_next(before.state, now)), **escalated(why, now))


def _next(state: ReferralState, now: datetime) -> Until:
    """When it is looked at again, should nothing happen."""
    if state is ReferralState.WAITING:
        return deadlines.to_wait(now)
    if state is ReferralState.SUBMITTED:
        return Until.moment(now + deadlines.ROUTE_AGAIN_WITHIN)
    return deadlines.to_look(now)


def _step(before: Referral, command: Command, now: datetime, **more: Any) -> Change:
    return change(before, command, now, actor=STEWARD, roles=_STEWARD, **more)
