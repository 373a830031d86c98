"""Looking for personal data in what a run left behind, in every way that a text may have been written."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from redis.asyncio import Redis


def found_in(places: Mapping[str, bytes], secrets: Iterable[str]) -> list[tuple[str, str]]:
    """(place, secret) for each secret that a place holds: as UTF-8, with JSON's escapes, or as Python shows bytes."""
    wanted = [(secret, _spellings(secret)) for secret in secrets]
    return [
        (place, secret)
        for place, text in places.items()
        for secret, spellings in wanted
        if any(one in text for one in spellings)
    ]


async def read_redis(redis: Redis, pattern: str = "*") -> bytes:
    """All keys and all that they hold, whatever their type, as the server keeps it."""
    found: list[bytes] = []
    async for key in redis.scan_iter(pattern, count=1000):
        found += [key, *_flat(await _content(redis, key))]
    return b"\n".join(found)


def _spellings(secret: str) -> set[bytes]:
    return {secret.encode(), json.dumps(secret)[1:-1].encode(), repr(secret.encode())[2:-1].encode()}


async def _content(redis: Redis, key: bytes) -> Any:
    match await redis.type(key):
        case b"string":
            return await redis.get(key)
        case b"hash":
            return await redis.hgetall(key)
        case b"list":
            return await redis.lrange(key, 0, -1)
        case b"set":
            return await redis.smembers(key)
        case b"zset":
            return await redis.zrange(key, 0, -1)
        case b"stream":
            return await redis.xrange(key)
        case b"none":
            return b""  # it has gone meanwhile
        case other:
            raise AssertionError(f"{key!r} is a {other!r}, which nobody reads here")


def _flat(value: Any) -> Iterable[bytes]:
    match value:
        case bytes():
            yield value
        case dict():
            for pair in value.items():
                yield from _flat(pair)
        case None:
            return
        case _:
            for one in value:
                yield from _flat(one)
