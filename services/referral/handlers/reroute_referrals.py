"""An offer failed, or is to be made again: the child goes on to the next nearest center with the same rank."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts.events import Payload, ReferralEvent
from services.contracts.vocabulary import ReferralState
from services.referral.domain.network import Network
from services.referral.domain.referral import ReferralWithOffers
from services.referral.handlers.claim_places import ClaimPlaces, Draft, draft
from services.referral.handlers.effect import NOTHING, Effect
from services.referral.ports import BatchContext, Clock, Registry


@dataclass(frozen=True)
class RerouteReferrals:
    claim_places: ClaimPlaces
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        moving = _moving(batch, context)
        if not moving:
            return NOTHING
        network, now = await self.registry.network(), self.clock()
        drafts = [_next_draft(one, network, now) for one in moving]
        return await self.claim_places(drafts, network, context.data_version, now)


def _moving(batch: Mapping[str, Payload], context: BatchContext) -> list[ReferralWithOffers]:
    """The referrals that are still with the router under the event's attempt; only the router increments it."""
    moving = {}
    for data in batch.values():
        assert isinstance(data, ReferralEvent)  # noqa: S101  by the table of reactions
        one = context.referrals.get(data.referral_id)
        if one and one.referral.attempt == data.attempt and one.referral.state is ReferralState.SUBMITTED:
            moving[data.referral_id] = one
    return list(moving.values())


def _next_draft(one: ReferralWithOffers, network: Network, now: datetime) -> Draft:
    """The next attempt. Without an offer the child was waiting, and a place may have been handed over meanwhile."""
    after = replace(one.referral, attempt=one.referral.attempt + 1)
    return draft(after, network, now, one.offers, retain=one.offer is None)
