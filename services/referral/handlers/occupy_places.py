"""Children were admitted: the places they hold become occupied."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.contracts.claims import ClaimChange
from services.contracts.events import Payload, ReferralEvent
from services.contracts.vocabulary import ReferralState
from services.referral.domain.referral import Referral
from services.referral.handlers.effect import Effect
from services.referral.ports import BatchContext, Claims


@dataclass(frozen=True)
class OccupyPlaces:
    """Calls capacity first, which may be repeated; then the caller marks the events as processed.

    The record is asked, and not the event, whether the child was admitted.
    """

    claims: Claims

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        changes = [
            ClaimChange(referral_id=data.referral_id, attempt=data.attempt)
            for data in batch.values()
            if isinstance(data, ReferralEvent) and _was_admitted(context.referrals[data.referral_id].referral, data)
        ]
        return Effect(data_version=await self.claims.occupy(changes, context.data_version))


def _was_admitted(referral: Referral, data: ReferralEvent) -> bool:
    """Under the event's attempt; it may have been discharged since."""
    admitted = referral.state in (ReferralState.ADMITTED, ReferralState.COMPLETED)
    return admitted and referral.attempt == data.attempt
