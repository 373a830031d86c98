"""Following the live feed while something else is measured."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from tests.bench.network import Measured


class Feed:
    """When each referral was first seen in the feed (by `time.perf_counter()`)."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        self.opened = asyncio.Event()

    def take(self, line: bytes) -> None:
        self.opened.set()
        if line.startswith(b"data:"):
            referral = json.loads(line[5:]).get("referral_id")
            if referral:
                self.seen.setdefault(referral, time.perf_counter())

    async def has(self, referrals: Collection[str], seconds: float) -> None:
        """Wait until all `referrals` were seen; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not self.seen.keys() >= set(referrals):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def following(measured: Measured) -> AsyncIterator[Feed]:
    """The feed as an operator sees it, from now on."""
    feed = Feed()
    reader, writer = await asyncio.open_connection("127.0.0.1", measured.port("capacity"), limit=2**20)
    token = measured.token("operator")
    writer.write(f"GET /v1/capacity/feed HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())

    async def read() -> None:
        async for line in reader:
            feed.take(line)

    task = asyncio.create_task(read())
    try:
        await feed.opened.wait()
        yield feed
    finally:
        task.cancel()
        writer.close()
