"""What becomes of a referral by a correction, a join of two children who are one, or a withdrawn consent."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from services.contracts.events import ChildrenJoinedV1, ConsentWithdrawnV1, DiagnosisCorrectedV1
from services.contracts.vocabulary import CLOSED, OfferState, ReferralState, steps_behind
from services.referral.domain import deadlines
from services.referral.domain.deadline_steps import REVIEWED, return_to_router, review
from services.referral.domain.eligibility import Exclusion
from services.referral.domain.life import STEWARD, Command
from services.referral.domain.programmes import Needs
from services.referral.domain.referral import (
    IN_HAND,
    Change,
    Offer,
    Referral,
    ReferralWithOffers,
    change,
    current,
    nowhere,
    review_at,
    until,
)
from services.referral.domain.routing import Decision, queue_rank

NO_LONGER_ELIGIBLE = "no_longer_eligible"
"""Why an offer was withdrawn: a code of `data/reasons.csv`."""
_RANKED = frozenset({ReferralState.SUBMITTED, ReferralState.WAITING})
"""Capacity may have a claim with the rank, or get one now: another rank needs another attempt."""
JOINED = "joined"
"""Why a referral ended that was a child's second one: a code of `data/reasons.csv`."""

CONSENT_WITHDRAWN = "consent_withdrawn"
"""Why a referral ended whose consent was withdrawn: a code of `data/reasons.csv`."""


def correct(
    before: Referral, offers: Sequence[Offer], data: DiagnosisCorrectedV1, region_id: str, now: datetime
) -> Change:
    """The referral with the corrected needs, or of another polyclinic, in the state in which it was.

    The turn is kept, that of a join too; another priority moves it by the difference of the head starts.
    """
    needs = Needs.of(data, region_id)
    rank = before.rank + queue_rank(needs) - queue_rank(before.needs)
    due_at, passed_over = before.due_at, offers if before.state in REVIEWED else ()
    if passed_over is offers and before.deadline_at:
        due_at = min(before.deadline_at, review_at(needs, offers, now))
        if before.due_at and before.due_at <= now:  # a review that is due, as when a programme closed, stays due
            due_at = before.due_at
    return change(
        before, Command.CORRECT, now, actor=data.actor, detail=", ".join(data.corrected), needs=needs,
        child_id=data.child_id, polyclinic_id=data.polyclinic_id, rank=rank, changed_at=data.corrected_at,
        diagnosis_version=data.version, due_at=due_at, passed_over=passed_over,
    )  # fmt: skip


def join(kept: ReferralWithOffers, ended: ReferralWithOffers, data: ChildrenJoinedV1, now: datetime) -> list[Change]:
    """One referral of the child stays open, with the earlier turn of both; the other ends, with its offer.

    Intake has named the one to be kept by what it knew: the one that is farther by now stays, and of a closed one and
    an open one the open one.
    """
    still_open = [one for one in (kept, ended) if one.referral.state not in CLOSED]
    if not still_open:
        return []
    stays, *ends = sorted(still_open, key=lambda one: steps_behind(one.referral.state))
    changes = [_end(one, Command.JOIN, JOINED, data.actor, now) for one in ends]
    rank = min(kept.referral.rank, ended.referral.rank)
    if rank < stays.referral.rank:
        earlier = change(stays.referral, Command.CORRECT, now, actor=data.actor, detail=JOINED, rank=rank)
        changes.append(earlier)
        if stays.referral.state in _RANKED:
            changes.append(return_to_router(earlier.referral, now))
    return changes


def withdraw(one: ReferralWithOffers, data: ConsentWithdrawnV1, now: datetime) -> list[Change]:
    """The referral ends, with its offer and its place, unless it is over."""
    if one.referral.state in CLOSED:
        return []
    return [_end(one, Command.WITHDRAW_CONSENT, CONSENT_WITHDRAWN, data.actor, now)]


def _end(one: ReferralWithOffers, command: Command, reason: str, actor: str, now: datetime) -> Change:
    over = None
    if one.offer and one.offer.state in IN_HAND:
        over = replace(one.offer, state=OfferState.WITHDRAWN, answered_at=now, reason=reason)
    return change(
        one.referral, command, now, actor=actor, reason=reason, offer=over,
        **nowhere(), deadline_at=None, due_at=None,
    )  # fmt: skip


def look_again(
    before: Referral,
    after: Referral,
    offers: Sequence[Offer],
    queues: Collection[str],
    decision: Decision,
    now: datetime,
) -> Change | None:
    """Back to the router when the corrected needs change where the child may go; None when all stays as it is.

    An accepted offer stands: center and family have agreed on it, and the center sees the correction.
    """
    if after.needs == before.needs:
        return None
    if after.state is ReferralState.SUBMITTED or (after.state in _RANKED and after.rank != before.rank):
        return return_to_router(after, now)
    if after.state in REVIEWED:
        return review(after, queues, decision, now)
    return _withdraw(after, offers, decision, now) if after.state is ReferralState.OFFERED else None


def _withdraw(after: Referral, offers: Sequence[Offer], decision: Decision, now: datetime) -> Change | None:
    """The offer is withdrawn when its programme is one that excludes the child; a closed one keeps its offers."""
    offer = current(after, offers)
    excluded = {id for why, ids in decision.excluded.items() if why is not Exclusion.DECLINED for id in ids}
    if offer is None or offer.programme_id not in excluded:
        return None
    over = replace(offer, state=OfferState.WITHDRAWN, answered_at=now, reason=NO_LONGER_ELIGIBLE)
    return change(
        after, Command.REVIEW, now, role=STEWARD, actor=STEWARD, reason=NO_LONGER_ELIGIBLE, offer=over,
        **nowhere(), **until(deadlines.to_route(now)),
    )  # fmt: skip
