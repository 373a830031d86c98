"""A follower of the live feed, beside a measurement."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from tests.bench.network import BenchNetwork


class Feed:
    """The moment (of `time.perf_counter()`) at which each referral was first seen in the feed."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        self.opened = asyncio.Event()

    def read_line(self, line: bytes) -> None:
        self.opened.set()
        if line.startswith(b"data:"):
            referral = json.loads(line[5:]).get("referral_id")
            if referral:
                self.seen.setdefault(referral, time.perf_counter())

    async def wait_for(self, referrals: Collection[str], seconds: float) -> None:
        """Wait until all `referrals` were seen; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not self.seen.keys() >= set(referrals):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def following(network: BenchNetwork) -> AsyncIterator[Feed]:
    """The feed as an operator sees it, from now on."""
    feed = Feed()
    reader, writer = await asyncio.open_connection("127.0.0.1", network.port("capacity"), limit=2**20)
    token = network.token("operator")
    writer.write(f"GET /v1/capacity/feed HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())

    async def read() -> None:
        async for line in reader:
            feed.read_line(line)

    task = asyncio.create_task(read())
    try:
        await feed.opened.wait()
        yield feed
    finally:
        task.cancel()
        writer.close()
