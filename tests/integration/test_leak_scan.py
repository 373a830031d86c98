"""The scan for personal data finds it in every spelling, and in every type of Redis key."""

import json

import pytest
from redis.asyncio import Redis

from tests.support.leak_scan import find_leaks, read_redis

NAME = "Айша Серікқызы"
SPELLINGS = {
    "plain": f"child {NAME} came".encode(),
    "json": json.dumps({"name": NAME}).encode(),
    "shown": str({"name": NAME.encode()}).encode(),
}


def test_a_name_is_found_however_it_was_written() -> None:
    assert find_leaks(SPELLINGS, [NAME]) == [(source, NAME) for source in SPELLINGS]
    assert find_leaks({"clean": b"child 7 came"}, [NAME]) == []


@pytest.mark.parametrize("length", [3, 6, 12, 30])
def test_a_secret_is_found_at_every_offset(length: int) -> None:
    secret = "123456789-abcdefghij-ABCDEFGHIJ"[:length]
    for at in range(40):
        assert find_leaks({"text": b"." * at + secret.encode() + b"." * 7}, [secret, "x" * 12]) == [("text", secret)]
        assert find_leaks({"text": b"." * at + secret.encode()[:-1] + b"." * 7}, [secret]) == []


async def test_a_name_is_found_in_redis_whatever_holds_it(valkey: str, prefix: str) -> None:
    planted = {one: f"{NAME} {one}" for one in ("string", "field", "value", "list", "set", "zset", "stream", "key")}
    async with Redis.from_url(valkey) as redis:
        await redis.set(f"{prefix}:string", planted["string"])
        await redis.hset(f"{prefix}:hash", planted["field"], planted["value"])
        await redis.rpush(f"{prefix}:list", planted["list"])
        await redis.sadd(f"{prefix}:set", planted["set"])
        await redis.zadd(f"{prefix}:zset", {planted["zset"]: 1})
        await redis.xadd(f"{prefix}:stream", {"data": planted["stream"]})
        await redis.set(f"{prefix}:{planted['key']}", 1)
        text = await read_redis(redis, f"{prefix}:*")
    assert [secret for _, secret in find_leaks({"redis": text}, planted.values())] == list(planted.values())
