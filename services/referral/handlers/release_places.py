"""Children left: their places are released and handed over, their queue entries removed."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.contracts.claims import ClaimChange
from services.contracts.events import Payload, ReferralEvent
from services.contracts.vocabulary import CLOSED
from services.referral.handlers.effect import Effect
from services.referral.ports import BatchContext, Claims

LAST_ATTEMPT = 1_000_000
"""Beyond every attempt: a closed referral takes no place any more, also by a claim that is still on its way."""


@dataclass(frozen=True)
class ReleasePlaces:
    """Capacity first, which may be asked again, and then the inbox."""

    claims: Claims

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        changes = [_change(data) for data in batch.values() if isinstance(data, ReferralEvent)]
        return Effect(data_version=await self.claims.release(changes, context.data_version))


def _change(data: ReferralEvent) -> ClaimChange:
    attempt = LAST_ATTEMPT if data.state in CLOSED else data.attempt
    return ClaimChange(referral_id=data.referral_id, attempt=attempt)
