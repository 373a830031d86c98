"""What looks for personal data finds it, wherever and however it was written."""

import json

from redis.asyncio import Redis

from tests.support.traces import found_in, read_redis

NAME = "Айша Серікқызы"
SPELLINGS = {
    "plain": f"child {NAME} came".encode(),
    "json": json.dumps({"name": NAME}).encode(),
    "shown": str({"name": NAME.encode()}).encode(),
}


def test_a_name_is_found_however_it_was_written() -> None:
    assert found_in(SPELLINGS, [NAME]) == [(place, NAME) for place in SPELLINGS]
    assert found_in({"clean": b"child 7 came"}, [NAME]) == []


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
    assert [secret for _, secret in found_in({"redis": text}, planted.values())] == list(planted.values())
