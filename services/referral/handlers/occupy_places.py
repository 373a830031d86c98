"""Children were admitted: the places they hold become occupied."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.contracts.claims import ClaimChange
from services.contracts.events import Payload, ReferralEvent
from services.referral.handlers.effect import Effect
from services.referral.ports import BatchContext, Claims


@dataclass(frozen=True)
class OccupyPlaces:
    """Calls capacity first, which may be repeated; then the caller marks the events as processed."""

    claims: Claims

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        admitted = (data for data in batch.values() if isinstance(data, ReferralEvent))
        changes = [ClaimChange(referral_id=one.referral_id, attempt=one.attempt) for one in admitted]
        return Effect(data_version=await self.claims.occupy(changes, context.data_version))
