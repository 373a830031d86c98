"""Claims in batches of 200, against a bare EVALSHA of a DECR in the same pipelines."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

from redis.asyncio import Redis

from services.capacity.adapters.redis_claims import RedisClaims
from services.capacity.adapters.redis_programmes import RedisProgrammes
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.domain.figures import stale_after
from services.contracts.claims import ClaimRequest, ProgrammeOpening
from services.contracts.vocabulary import Modality

BATCH, CANDIDATES = 200, 20
DECR = "return redis.call('DECR', KEYS[1])"


async def bare_claims(url: str, count: int) -> float:
    """EVALSHA of a DECR a second."""
    async with Redis.from_url(url) as redis:
        digest, key = await redis.script_load(DECR), f"bare-{uuid4().hex}"
        began = time.perf_counter()
        for _ in range(count // BATCH):
            async with redis.pipeline(transaction=False) as pipeline:
                for _ in range(BATCH):
                    pipeline.evalsha(digest, 1, key)
                await pipeline.execute()
        return count / (time.perf_counter() - began)


async def our_claims(url: str, count: int, places: int) -> float:
    """Claims a second, each with twenty candidates; `places` are free at each candidate."""
    now = datetime.now(UTC)
    async with Redis.from_url(url) as redis:
        scripts = RedisScripts(redis, f"bench-{uuid4().hex}")
        names = [f"programme-{index}" for index in range(CANDIDATES)]
        programmes = RedisProgrammes(scripts, stale_after(7))
        for name in names:
            await programmes.open_programme(_opening(name, places, now), now)
        claims = RedisClaims(scripts)
        requests = [
            ClaimRequest(referral_id=uuid4(), attempt=1, rank=rank, candidates=tuple((n,) for n in names), at=now)
            for rank in range(count)
        ]
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            await claims.claim(requests[start : start + BATCH])
        return count / (time.perf_counter() - began)


def _opening(name: str, places: int, now: datetime) -> ProgrammeOpening:
    return ProgrammeOpening(
        programme_id=name, center_id="bench", region_id="KZ-75", modality=Modality.DAY_STAY,
        places=places, confirmed_at=now, version=1,
    )  # fmt: skip


if __name__ == "__main__":
    import sys

    print(asyncio.run(bare_claims(sys.argv[1], 20_000)))  # noqa: T201
    print(asyncio.run(our_claims(sys.argv[1], 20_000, 100_000)))  # noqa: T201
    print(asyncio.run(our_claims(sys.argv[1], 20_000, 0)))  # noqa: T201
