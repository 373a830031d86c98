"""A referral ended, or its child did not come: its place is released and handed over, or its queue entries go."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.contracts.claims import ClaimChange
from services.contracts.events import Payload, ReferralEvent
from services.contracts.vocabulary import CLOSED, ReferralState
from services.referral.domain.referral import Referral
from services.referral.handlers.effect import Effect
from services.referral.ports import BatchContext, Claims

ABOVE_ANY_ATTEMPT = 1_000_000
"""A closed referral takes no place any more, also by a claim that is still on its way."""

_WITH_A_CLAIM = {ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED, ReferralState.WAITING}


@dataclass(frozen=True)
class ReleasePlaces:
    """Calls capacity first, which may be repeated; then the caller marks the events as processed.

    The record is asked, and not the event, whether the place is the child's still.
    """

    claims: Claims

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        ended = (data for data in batch.values() if isinstance(data, ReferralEvent))
        changes = [one for data in ended if (one := _change(context.referrals[data.referral_id].referral, data))]
        return Effect(data_version=await self.claims.release(changes, context.data_version))


def _change(referral: Referral, data: ReferralEvent) -> ClaimChange | None:
    """None while the referral has its place, or its turn, under the event's attempt."""
    if referral.state in CLOSED:
        return ClaimChange(referral_id=data.referral_id, attempt=ABOVE_ANY_ATTEMPT)
    if referral.state in _WITH_A_CLAIM and referral.attempt <= data.attempt:
        return None
    return ClaimChange(referral_id=data.referral_id, attempt=data.attempt)
