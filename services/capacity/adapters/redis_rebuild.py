"""Rebuilding on Redis or Valkey: one function a script."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from uuid import UUID

from services.capacity.adapters.redis_programmes import programme_arguments
from services.capacity.adapters.redis_scripts import RedisScripts, version_of
from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import Generation, GenerationState, Opened, RestoredClaim

TOGETHER = 100
"""Claims of one script, which nothing else interrupts."""
SCANNED = 1000


class RedisRebuild:
    """The Rebuild port."""

    def __init__(self, scripts: RedisScripts) -> None:
        self._scripts = scripts

    async def generation(self, seen: DataVersion | None) -> Generation:
        is_open, epoch = await self._scripts.run("generation", seen=seen)
        state = GenerationState.OPEN if is_open else GenerationState.REBUILDING
        return Generation(state=state, epoch=epoch.decode() or None)

    async def begin(self, epoch: str) -> None:
        await self._scripts.run("begin_rebuild", epoch, keys=[self._scripts.server])
        for kind in ("claim", "queue"):
            await self._wipe(epoch, kind)

    async def _wipe(self, epoch: str, kind: str) -> None:
        cursor = 0
        while True:
            cursor, found = await self._scripts.scan(cursor, kind, SCANNED)
            if found:
                await self._scripts.run("wipe", epoch, keys=found)
            if not cursor:
                return

    async def restore_programmes(self, epoch: str, programmes: Sequence[ProgrammeCapacity]) -> None:
        await self._scripts.run("restore_programmes", epoch, *chain.from_iterable(map(programme_arguments, programmes)))

    async def restore_claims(self, epoch: str, claims: Sequence[RestoredClaim]) -> tuple[UUID, ...]:
        restored = [
            (str(one.referral_id), one.attempt, one.state.value, one.rank, " ".join(one.programme_ids))
            for one in claims
        ]
        replies = await self._scripts.run_on_claims("restore_claims", restored, epoch, together=TOGETHER)
        return tuple(UUID(referral.decode()) for reply in replies for referral in reply[1:])

    async def open(self, epoch: str, at: datetime) -> Opened:
        reply = await self._scripts.run("open_rebuilt", epoch, at=at)
        return Opened(data_version=version_of(reply), handed_over=reply[3])
