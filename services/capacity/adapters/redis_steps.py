"""The stream of steps on Redis or Valkey, as the feed and the relay read it."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any

from redis.exceptions import RedisError

from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.domain.entries import read_entry, to_ms
from services.capacity.domain.step import START, Step, StepId
from services.kit.errors import TransientError

TRIMMED = 2000
"""How many steps one call of `trim` looks at."""
Entry = tuple[bytes, dict[bytes, bytes]]


class RedisSteps:
    """The Steps port."""

    def __init__(self, scripts: RedisScripts) -> None:
        self._redis, self._key = scripts.redis, scripts.events

    async def after(self, last: StepId, limit: int) -> list[Step]:
        entries = await _answered(self._redis.xrange(self._key, f"({last}", "+", count=limit))
        return [_read(entry) for entry in entries]

    async def wait(self, last: StepId, limit: int, seconds: float) -> list[Step]:
        replies = await _answered(
            self._redis.xread({self._key: str(last)}, count=limit, block=max(1, round(seconds * 1000)))
        )
        return [_read(entry) for entry in _entries(replies)]

    async def keeps(self, step: StepId) -> bool:
        return bool(await _answered(self._redis.xrange(self._key, str(step), str(step))))

    async def first(self) -> StepId | None:
        entries = await _answered(self._redis.xrange(self._key, "-", "+", count=1))
        return StepId.parse(entries[0][0].decode()) if entries else None

    async def last(self) -> StepId:
        entries = await _answered(self._redis.xrevrange(self._key, "+", "-", count=1))
        return StepId.parse(entries[0][0].decode()) if entries else START

    async def trim(self, until: StepId, before: datetime) -> int:
        entries = await _answered(self._redis.xrange(self._key, "-", str(until), count=TRIMMED))
        older = to_ms(before)
        kept = next((entry for entry, fields in entries if int(fields[b"at"]) >= older), None)
        # The last one read stays: it may be `until`, and a stream that is empty looks like one that was lost.
        oldest = kept or (entries[-1][0] if entries else None)
        if oldest is None or oldest == entries[0][0]:
            return 0
        return int(await _answered(self._redis.xtrim(self._key, minid=oldest.decode(), approximate=False)))


async def _answered(reply: Awaitable[Any]) -> Any:
    try:
        return await reply
    except (RedisError, OSError) as error:
        raise TransientError(f"redis: {type(error).__name__}") from error


def _entries(replies: Any) -> list[Entry]:
    found = list(replies.values()) if isinstance(replies, dict) else [rows for _, rows in replies or ()]
    return found[0] if found else []


def _read(entry: Entry) -> Step:
    entry_id, fields = entry
    return read_entry(entry_id.decode(), {name.decode(): value.decode() for name, value in fields.items()})
