"""The steward: when capacity has lost its data, or has less than the record knows of, rebuilds it from the record.

The order of the steps is what makes it safe: capacity refuses everybody before the record's generation moves, and the
record refuses what the lost generation granted before it is read. A crash anywhere begins again with a higher epoch.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID, uuid4

import structlog
from prometheus_client import Counter, Gauge

from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import BATCH, Generation, GenerationState, Opened, RestoredClaim
from services.kit.errors import PermanentError, TransientError
from services.referral.ports import Clock

log = structlog.get_logger()
LOOK_EVERY = 1.0
"""Seconds between two looks at capacity, when no claim is refused meanwhile."""

rebuilt = Counter("joldama_capacity_rebuilt_total", "Times capacity was rebuilt from the record")
without_data = Gauge("joldama_capacity_rebuilding", "Whether capacity is without its data and refuses claims: 1, or 0")


class Record(Protocol):
    """The record as what capacity is rebuilt from. Raises TransientError."""

    async def mark(self) -> DataVersion | None: ...

    async def take_lease(self, owner: str) -> bool:
        """Take or prolong the lease of the one who rebuilds; not while another has it."""
        ...

    async def give_lease_back(self, owner: str) -> None: ...

    async def begin_epoch(self, owner: str, epoch: str) -> None:
        """From here on nothing granted before is committed; raises Conflict when the lease is another's by now."""
        ...

    async def programmes(self) -> Sequence[ProgrammeCapacity]: ...

    async def claims(self, after: UUID | None, limit: int) -> Sequence[RestoredClaim]:
        """What each open referral behind `after` has, by id."""
        ...


class CapacityRebuild(Protocol):
    """Capacity's side. Raises TransientError, and PermanentError when another rebuild has begun."""

    async def generation(self, seen: DataVersion | None) -> Generation: ...

    async def begin(self, epoch: str) -> None: ...

    async def restore_programmes(self, epoch: str, programmes: Sequence[ProgrammeCapacity]) -> None: ...

    async def restore_claims(self, epoch: str, claims: Sequence[RestoredClaim]) -> Sequence[UUID]: ...

    async def open(self, epoch: str) -> Opened: ...


@dataclass
class Steward:
    """`run()` until cancelled. Any number may run: a lease lets one rebuild."""

    record: Record
    capacity: CapacityRebuild
    clock: Clock
    owner: str = field(default_factory=lambda: uuid4().hex)
    progressed: Callable[[], None] = lambda: None
    rebuilding: bool = False
    """Whether capacity was found without its data and has not been found with it since."""
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    """The lease is the process's: inside it one at a time."""
    _noticed: asyncio.Event = field(default_factory=asyncio.Event)

    def notice(self) -> None:
        """A claim was answered `rebuilding`: look now."""
        self._noticed.set()

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._noticed.wait(), LOOK_EVERY)
            self._noticed.clear()
            try:
                await self.look()
            except (TransientError, PermanentError) as error:
                log.warning("steward.retrying", reason=str(error)[:300])
                await asyncio.sleep(LOOK_EVERY / 4)
            except Exception:  # a fault of ours, said each time; readiness turns red when it goes on
                log.exception("steward.failed")
                continue
            self.progressed()

    async def check(self) -> None:
        """A readiness check: raises RuntimeError while capacity is without its data."""
        if self.rebuilding:
            raise RuntimeError("rebuilding")

    async def look(self) -> bool:
        """Rebuild when that is needed and nobody else is at it; whether this one did."""
        if await self._is_whole():
            return False
        async with self.alone:
            return await self._rebuild_if_mine()

    async def _rebuild_if_mine(self) -> bool:
        if not await self.record.take_lease(self.owner):
            return False
        try:
            if await self._is_whole():  # somebody else has just done it
                return False
            await self.rebuild()
            return True
        finally:
            with suppress(TransientError):  # it ends by itself
                await self.record.give_lease_back(self.owner)

    async def _is_whole(self) -> bool:
        mark = await self.record.mark()
        found = await self.capacity.generation(mark)
        self._say(rebuilding=mark is None or found.state is not GenerationState.OPEN)
        return not self.rebuilding

    def _say(self, *, rebuilding: bool) -> None:
        self.rebuilding = rebuilding
        without_data.set(rebuilding)

    async def rebuild(self) -> Opened:
        """A new generation from the record; the lease must be one's own."""
        epoch = await self._next_epoch()
        log.warning("steward.rebuilding", epoch=epoch)
        await self.capacity.begin(epoch)
        await self.record.begin_epoch(self.owner, epoch)
        await self._restore_programmes(epoch)
        restored = await self._restore_claims(epoch)
        opened = await self.capacity.open(epoch)
        self._say(rebuilding=False)
        rebuilt.inc()
        log.warning("steward.rebuilt", epoch=epoch, claims=restored, handed_over=opened.handed_over)
        return opened

    async def _next_epoch(self) -> str:
        mark, there = await self.record.mark(), (await self.capacity.generation(None)).epoch
        now = round(self.clock().timestamp() * 1000)
        return str(max(now, int(there or 0) + 1, int(mark.epoch) + 1 if mark else 0))

    async def _restore_programmes(self, epoch: str) -> None:
        programmes = await self.record.programmes()
        for at in range(0, len(programmes), BATCH):
            await self._keep_lease()
            await self.capacity.restore_programmes(epoch, programmes[at : at + BATCH])

    async def _restore_claims(self, epoch: str) -> int:
        count, after = 0, None
        while claims := await self.record.claims(after, BATCH):
            await self._keep_lease()
            refused = await self.capacity.restore_claims(epoch, claims)
            if refused:
                log.error("steward.unknown_programme", referrals=[str(one) for one in refused[:20]])
            count, after = count + len(claims), claims[-1].referral_id
        return count

    async def _keep_lease(self) -> None:
        if not await self.record.take_lease(self.owner):
            raise TransientError("another steward rebuilds")
