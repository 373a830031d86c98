"""A scan for personal data in what a run left behind, in every spelling that a text may have."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from redis.asyncio import Redis

PIECE = 6
"""Bytes of a spelling that are looked up in one scan of a text."""


def find_leaks(sources: Mapping[str, bytes], secrets: Iterable[str]) -> list[tuple[str, str]]:
    """(source, secret) for each secret in a source: as UTF-8, with JSON's escapes, or as Python's repr of bytes."""
    wanted = [(secret, spelling) for secret in secrets for spelling in _spellings(secret)]
    pieces = {piece for _, spelling in wanted for piece in _pieces(spelling)}
    step = max(1, min(len(spelling) for _, spelling in wanted) - PIECE + 1)  # no spelling fits between two steps
    found = dict[tuple[str, str], None]()
    for source, text in sources.items():
        # one pass over the text for all secrets, instead of one for each
        seen = pieces.intersection(text[at : at + PIECE] for at in range(0, len(text), step))
        near = [one for one in wanted if len(one[1]) < PIECE or seen.intersection(_pieces(one[1]))]
        found |= {(source, secret): None for secret, spelling in near if spelling in text}
    return list(found)


def _pieces(spelling: bytes) -> set[bytes]:
    return {spelling[at : at + PIECE] for at in range(len(spelling) - PIECE + 1)}


async def read_redis(redis: Redis, pattern: str = "*") -> bytes:
    """All keys with their content, of any type, as the server stores it."""
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
