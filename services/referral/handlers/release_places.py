"""A referral ended, or its child did not come: its place is released and handed over, or its queue entries go."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.contracts.claims import ClaimChange
from services.contracts.events import Payload, ReferralEvent
from services.contracts.vocabulary import CLOSED
from services.referral.handlers.effect import Effect
from services.referral.ports import BatchContext, Claims

ABOVE_ANY_ATTEMPT = 1_000_000
"""A closed referral takes no place any more, also by a claim that is still on its way."""


@dataclass(frozen=True)
class ReleasePlaces:
    """Calls capacity first, which may be repeated; then the caller marks the events as processed."""

    claims: Claims

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        changes = [_change(data) for data in batch.values() if isinstance(data, ReferralEvent)]
        return Effect(data_version=await self.claims.release(changes, context.data_version))


def _change(data: ReferralEvent) -> ClaimChange:
    attempt = ABOVE_ANY_ATTEMPT if data.state in CLOSED else data.attempt
    return ClaimChange(referral_id=data.referral_id, attempt=attempt)
