"""The stream of steps on Redis or Valkey, as the feed and the relay read it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.unreadable import set_aside
from services.capacity.domain.entries import read_entry, to_ms
from services.capacity.domain.figures import Staleness
from services.capacity.domain.step import START, Step, StepId, UnreadableStep

TRIMMED = 2000
"""Steps that one call of `trim` reads."""
Entry = tuple[bytes, dict[bytes, bytes]]


class RedisSteps:
    """The Steps port."""

    def __init__(self, scripts: RedisScripts, staleness: Staleness) -> None:
        self._scripts, self._key, self._staleness = scripts, scripts.events, staleness

    async def after(self, last: StepId, limit: int) -> list[Step | UnreadableStep]:
        return [self._step(entry) for entry in await self._range(f"({last}", "+", limit)]

    async def wait(self, last: StepId, limit: int, seconds: float) -> list[Step | UnreadableStep]:
        block = max(1, round(seconds * 1000))
        found = await self._scripts.ask("XREAD", "COUNT", limit, "BLOCK", block, "STREAMS", self._key, str(last))
        return [self._step(entry) for entries in dict(found or ()).values() for entry in entries]

    async def keeps(self, step: StepId) -> bool:
        return bool(await self._range(str(step), str(step), 1))

    async def first(self) -> StepId | None:
        entries = await self._range("-", "+", 1)
        return StepId.stored(entries[0][0].decode()) if entries else None

    async def last(self) -> StepId:
        entries = await self._scripts.ask("XREVRANGE", self._key, "+", "-", "COUNT", 1)
        return StepId.stored(entries[0][0].decode()) if entries else START

    async def trim(self, until: StepId, before: datetime) -> int:
        entries = await self._range("-", str(until), TRIMMED)
        older = to_ms(before)
        kept = next((entry for entry, fields in entries if _at(fields) >= older), None)
        # The last one read stays: it may be `until`, and a stream that is empty looks like one that was lost.
        oldest = kept or (entries[-1][0] if entries else None)
        if oldest is None or oldest == entries[0][0]:
            return 0
        return int(await self._scripts.ask("XTRIM", self._key, "MINID", oldest.decode()))

    async def _range(self, first: str, last: str, limit: int) -> Sequence[Entry]:
        entries: Sequence[Entry] = await self._scripts.ask("XRANGE", self._key, first, last, "COUNT", limit)
        return entries

    def _step(self, entry: Entry) -> Step | UnreadableStep:
        entry_id, fields = entry
        read = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
        step = read_entry(entry_id.decode(), read, self._staleness)
        if isinstance(step, UnreadableStep):
            set_aside("step", str(step.id), step.reason)
        return step


def _at(fields: Mapping[bytes, bytes]) -> int:
    """An entry's moment (ms); 0 where it cannot be read."""
    at = fields.get(b"at", b"")
    return int(at) if at.isdigit() else 0
