"""What becomes of a place as a life goes on: occupied when the child comes, given back when it leaves."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.contracts.claims import DataVersion
from services.contracts.events import Event, ReferralEvent
from services.contracts.vocabulary import CLOSED
from services.referral.domain.life import Claim, events_for
from services.referral.ports import Claims, Referrals

LAST_ATTEMPT = 1_000_000
"""Beyond every attempt: a referral that is closed takes no place any more, also by a claim that is still on its way."""
Settle = Callable[[ReferralEvent, DataVersion | None], Awaitable[DataVersion | None]]


@dataclass(frozen=True)
class GiveBack:
    """Takes a batch: what the child leaves is released, and handed over. Repeating it changes nothing."""

    referrals: Referrals
    claims: Claims
    consumer = "give_back"

    async def __call__(self, batch: Sequence[Event]) -> None:
        await _settle(self.referrals, self.consumer, _of(batch, Claim.RELEASE), self._release)

    async def _release(self, data: ReferralEvent, seen: DataVersion | None) -> DataVersion | None:
        attempt = LAST_ATTEMPT if data.state in CLOSED else data.attempt
        return await self.claims.release(data.referral_id, attempt, seen)


@dataclass(frozen=True)
class Occupy:
    """Takes a batch: who was admitted occupies the place it held. Repeated, or late, it changes nothing."""

    referrals: Referrals
    claims: Claims
    consumer = "occupy"

    async def __call__(self, batch: Sequence[Event]) -> None:
        await _settle(self.referrals, self.consumer, _of(batch, Claim.OCCUPY), self._occupy)

    async def _occupy(self, data: ReferralEvent, seen: DataVersion | None) -> DataVersion | None:
        return (await self.claims.occupy(data.referral_id, data.attempt, seen)).mark


def _of(batch: Sequence[Event], claim: Claim) -> dict[str, ReferralEvent]:
    kinds = events_for(claim)
    return {one.envelope.id: one.data for one in batch if isinstance(one.data, kinds)}


async def _settle(referrals: Referrals, consumer: str, events: Mapping[str, ReferralEvent], settle: Settle) -> None:
    """Capacity first, which may be asked again, and then the inbox."""
    if not events:
        return
    found = await referrals.look(consumer, events.keys(), ())
    unseen = {id: data for id, data in events.items() if id in found.unseen}
    marks = await asyncio.gather(*(settle(data, found.mark) for data in unseen.values()))
    await referrals.save([], consumer=consumer, event_ids=unseen.keys(), mark=_newest(marks))


def _newest(marks: Iterable[DataVersion | None]) -> DataVersion | None:
    return max((one for one in marks if one), key=lambda mark: mark.sequence, default=None)
