"""Rebuilding on Redis or Valkey: one function a script."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from services.capacity.adapters.redis_claims import KEEP_RELEASED_MS, mark_of, seen_arguments
from services.capacity.adapters.redis_scripts import RedisScripts, Reply
from services.capacity.domain.entries import to_ms
from services.capacity.ports import Rebuilding
from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import Generation, GenerationState, Opened, RestoredClaim

AT_ONCE = 100
"""How many claims one script restores: nobody else is served meanwhile."""
SCANNED = 1000


class RedisRebuild:
    """The Rebuild port."""

    def __init__(self, scripts: RedisScripts) -> None:
        self._scripts = scripts

    async def generation(self, seen: DataVersion | None) -> Generation:
        is_open, epoch = await self._scripts.run("generation", [], (0, *seen_arguments(seen)))
        state = GenerationState.OPEN if is_open else GenerationState.REBUILDING
        return Generation(state=state, epoch=epoch.decode() or None)

    async def begin(self, epoch: str) -> None:
        run_id = await self._scripts.run_id()
        _checked(await self._run("begin_rebuild", epoch, run_id, keys=[self._scripts.server]))
        for pattern in ("claim:*", "queue:*"):
            await self._wipe(epoch, f"{self._scripts.prefix}{pattern}")

    async def _wipe(self, epoch: str, pattern: str) -> None:
        cursor = "0"
        while True:
            found, keys = await self._scripts.ask("SCAN", cursor, "MATCH", pattern, "COUNT", SCANNED)
            if keys:
                _checked(await self._run("wipe", epoch, keys=[key.decode() for key in keys]))
            cursor = str(found)
            if cursor == "0":
                return

    async def restore_programmes(self, epoch: str, programmes: Sequence[ProgrammeCapacity]) -> None:
        words: list[str | int] = []
        for one in programmes:
            words += (
                one.programme_id, one.places, int(one.suspended), to_ms(one.confirmed_at),
                one.center_id, one.region_id, one.modality.value,
            )  # fmt: skip
        _checked(await self._run("restore_programmes", epoch, *words))

    async def restore_claims(self, epoch: str, claims: Sequence[RestoredClaim]) -> tuple[UUID, ...]:
        parts = [claims[at : at + AT_ONCE] for at in range(0, len(claims), AT_ONCE)]
        calls = [self._call(epoch, part) for part in parts]
        replies = await self._scripts.run_many("restore_claims", calls)
        return tuple(UUID(referral.decode()) for reply in replies for referral in _checked(reply)[1:])

    def _call(self, epoch: str, claims: Iterable[RestoredClaim]) -> tuple[list[str], list[str | int]]:
        keys: list[str] = []
        arguments: list[str | int] = [0, "", "", epoch, KEEP_RELEASED_MS]
        for one in claims:
            referral = str(one.referral_id)
            keys.append(self._scripts.claim_key(referral))
            arguments += (referral, one.attempt, one.state.value, one.rank, " ".join(one.programme_ids))
        return keys, arguments

    async def open(self, epoch: str, at: datetime) -> Opened:
        reply = await self._scripts.run("open_rebuilt", [], (to_ms(at), "", "", epoch))
        return Opened(mark=mark_of(reply), handed_over=reply[3])

    async def _run(self, name: str, *arguments: str | int, keys: Sequence[str] = ()) -> Reply:
        return await self._scripts.run(name, keys, (0, "", "", *arguments))


def _checked(reply: Reply) -> Reply:
    if reply[0] == b"rebuilding":
        raise Rebuilding
    return reply
