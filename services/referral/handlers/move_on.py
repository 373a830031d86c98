"""An offer failed, or is to be made again: the child goes on to the next nearest by itself, and keeps its turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.contracts.events import Event, ReferralEvent
from services.contracts.vocabulary import ReferralState
from services.referral.domain.life import Claim, events_for
from services.referral.domain.network import Network
from services.referral.handlers.route import Draft, draft, place
from services.referral.ports import Claims, Clock, Loaded, Referrals, Registry

CONSUMER = "move_on"
TO_ROUTER = events_for(Claim.NEXT)


@dataclass(frozen=True)
class MoveOn:
    """Takes a batch: one claim call, one transaction. Repeating it changes nothing."""

    referrals: Referrals
    claims: Claims
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Sequence[Event]) -> None:
        failed = {e.envelope.id: e.data for e in batch if isinstance(e.data, TO_ROUTER)}
        if not failed:
            return
        found = await self.referrals.look(CONSUMER, failed.keys(), [data.referral_id for data in failed.values()])
        moving = _moving(failed, found.unseen, found.known)
        network, now = await self.registry.network(), self.clock()
        drafts = [_next_draft(one, network, now) for one in moving]
        changes, mark = await place(drafts, self.claims, self.registry, network, found.mark, now)
        await self.referrals.save(
            changes, consumer=CONSUMER, event_ids=found.unseen, mark=mark, registry_version=network.version
        )


def _moving(failed: Mapping[str, ReferralEvent], unseen: frozenset[str], known: Mapping[UUID, Loaded]) -> list[Loaded]:
    """The referrals that are still with the router under the event's attempt; only the router raises that."""
    moving = {}
    for event_id, data in failed.items():
        loaded = known.get(data.referral_id)
        if event_id in unseen and loaded and loaded.referral.attempt == data.attempt:
            moving[data.referral_id] = loaded
    return [one for one in moving.values() if one.referral.state is ReferralState.SUBMITTED]


def _next_draft(one: Loaded, network: Network, now: datetime) -> Draft:
    """Where it may go under the next attempt. Without an offer it was waiting, and a place may have come meanwhile."""
    after = replace(one.referral, attempt=one.referral.attempt + 1)
    return replace(draft(after, network, now, one.passed), keep=one.offer is None)
