"""Rebuilding capacity from the record, when it has lost its data or has less than the record knows of.

The order of the steps makes it safe: capacity refuses every claim before the record's generation moves, and the record
refuses the grants of the lost generation before it is read. After a crash anywhere it begins again with a higher epoch.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import structlog

from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import BATCH, Generation, GenerationState, Opened, RestoredClaim
from services.kit.errors import PermanentError, TransientError, reason_of
from services.referral.domain.reconciliation import OpenPosition, Recorded
from services.referral.metrics import capacity_rebuilding, capacity_rebuilt
from services.referral.ports import Clock

log = structlog.get_logger()
CHECK_EVERY = 1.0
"""Seconds between two checks of capacity, when no claim is refused meanwhile."""


class RebuildLease(Protocol):
    """One process rebuilds. Raises TransientError."""

    async def acquire(self) -> bool:
        """Acquire or renew it; False while another process has it."""
        ...

    async def release(self) -> None: ...


class RebuildRecord(Protocol):
    """The record as the source of a rebuild. Raises TransientError."""

    @property
    def lease(self) -> RebuildLease: ...

    async def data_version(self) -> DataVersion | None: ...

    async def begin_epoch(self, epoch: str) -> None:
        """From here on no earlier grant is committed; raises LeaseLost when another process rebuilds by now."""
        ...

    async def programmes(self) -> Sequence[ProgrammeCapacity]: ...

    async def open_referrals(self, after: OpenPosition | None, limit: int) -> Sequence[Recorded]:
        """Up to `limit` open referrals behind `after`, with their claims."""
        ...


class CapacityRebuild(Protocol):
    """Capacity's side. Raises TransientError, and PermanentError when another rebuild has begun."""

    async def generation(self, seen: DataVersion | None) -> Generation: ...

    async def begin(self, epoch: str) -> None: ...

    async def restore_programmes(self, epoch: str, programmes: Sequence[ProgrammeCapacity]) -> None: ...

    async def restore_claims(self, epoch: str, claims: Sequence[RestoredClaim]) -> Sequence[UUID]:
        """The referrals that were refused: they have a place of an unknown programme."""
        ...

    async def open(self, epoch: str) -> Opened: ...


@dataclass
class CapacityRebuilder:
    """`run()` until cancelled, in any number of processes: a lease lets one of them rebuild."""

    record: RebuildRecord
    capacity: CapacityRebuild
    clock: Clock
    progress: Callable[[], None] = lambda: None
    rebuilding: bool = False
    """Whether capacity was without its data at the last check."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """The lease is the process's; inside it one rebuild at a time."""
    _triggered: asyncio.Event = field(default_factory=asyncio.Event)

    def trigger(self) -> None:
        """A claim was answered `rebuilding`: check now."""
        self._triggered.set()

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._triggered.wait(), CHECK_EVERY)
            self._triggered.clear()
            try:
                await self.rebuild_if_needed()
            except (TransientError, PermanentError) as error:
                log.warning("rebuild.retrying", reason=reason_of(error))
                await asyncio.sleep(CHECK_EVERY / 4)
            except Exception:  # logged each time; readiness turns red when it goes on
                log.exception("rebuild.failed")
                continue
            self.progress()

    async def check(self) -> None:
        """A readiness check: raises RuntimeError while capacity is without its data."""
        if self.rebuilding:
            raise RuntimeError("rebuilding")

    async def rebuild_if_needed(self) -> bool:
        """Whether this process rebuilt capacity."""
        if await self._is_whole():
            return False
        async with self.lock:
            if not await self.record.lease.acquire():
                return False
            try:
                if await self._is_whole():  # another process has just rebuilt it
                    return False
                await self.rebuild()
                return True
            finally:
                with suppress(TransientError):  # it ends by itself
                    await self.record.lease.release()

    async def _is_whole(self) -> bool:
        version = await self.record.data_version()
        found = await self.capacity.generation(version)
        self._note(rebuilding=version is None or found.state is not GenerationState.OPEN)
        return not self.rebuilding

    def _note(self, *, rebuilding: bool) -> None:
        self.rebuilding = rebuilding
        capacity_rebuilding.set(rebuilding)

    async def rebuild(self) -> Opened:
        """A new generation from the record; the lease must be acquired."""
        epoch = await self._next_epoch()
        log.warning("capacity.rebuilding", epoch=epoch)
        await self.capacity.begin(epoch)
        await self.record.begin_epoch(epoch)
        await self._restore_programmes(epoch)
        restored = await self._restore_claims(epoch)
        opened = await self.capacity.open(epoch)
        self._note(rebuilding=False)
        capacity_rebuilt.inc()
        log.warning("capacity.rebuilt", epoch=epoch, claims=restored, handed_over=opened.handed_over)
        return opened

    async def _next_epoch(self) -> str:
        version, known = await self.record.data_version(), (await self.capacity.generation(None)).epoch
        now = round(self.clock().timestamp() * 1000)
        return str(max(now, int(known or 0) + 1, int(version.epoch) + 1 if version else 0))

    async def _restore_programmes(self, epoch: str) -> None:
        programmes = await self.record.programmes()
        for at in range(0, len(programmes), BATCH):
            await self._renew_lease()
            await self.capacity.restore_programmes(epoch, programmes[at : at + BATCH])

    async def _restore_claims(self, epoch: str) -> int:
        count, after = 0, None
        while page := await self.record.open_referrals(after, BATCH):
            await self._renew_lease()
            refused = await self.capacity.restore_claims(epoch, [one.claim for one in page])
            if refused:
                log.error("capacity.unknown_programme", referrals=[str(one) for one in refused[:20]])
            count, after = count + len(page), page[-1].position
        return count

    async def _renew_lease(self) -> None:
        if not await self.record.lease.acquire():
            raise TransientError("another process rebuilds")
