"""The operators' feed, followed for as long as a network lives, whatever happens to it."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
from pydantic import ValidationError
from redis.asyncio import Redis

from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.domain.figures import stale_after
from services.capacity.domain.step import START
from services.contracts.events import KNOWN, Payload
from tests.support.capacity.readable import readable
from tests.support.network import RunningNetwork

PREFIX = "joldama"
Id = tuple[int, int]
"""Epoch and sequence."""


@dataclass
class ObservedSteps:
    """The steps of capacity that were seen, and by epoch a moment (ms) at which it was certainly open."""

    by_id: dict[Id, Payload] = field(default_factory=dict)
    opened: dict[int, float] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    """Ids with two different steps."""

    def add(self, id: Id, data: Payload, at: float) -> None:
        before = self.by_id.setdefault(id, data)
        if before != data:
            self.contradictions.append(f"step {id[0]}-{id[1]} was {before!r}, and is {data!r}")
        self.opened[id[0]] = min(at, self.opened.get(id[0], at))


@dataclass
class FeedFollower:
    """`run()` until cancelled: reads the feed, and resumes behind the last id when it was cut."""

    network: RunningNetwork
    steps: ObservedSteps = field(default_factory=ObservedSteps)
    _last: str = ""

    async def run(self) -> None:
        url, headers = self.network.url("capacity"), self.network.headers("operator")
        while True:
            with suppress(httpx2.TransportError):
                async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=40) as http:
                    await self._follow(http)
            await asyncio.sleep(0.1)

    async def _follow(self, http: httpx2.AsyncClient) -> None:
        last = {"Last-Event-ID": self._last} if self._last else {}
        async with http.stream("GET", "/v1/capacity/feed", headers=last) as answer:
            if not answer.is_success:
                return
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(":")
                if line:
                    fields[name] = value.strip()
                else:
                    self._add(fields)
                    fields = {}

    def _add(self, fields: Mapping[str, str]) -> None:
        if "id" not in fields:
            return
        self._last = fields["id"]
        epoch, _, sequence = fields["id"].partition("-")
        with suppress(ValidationError):
            data = KNOWN[fields["event"]].model_validate_json(fields["data"])
            self.steps.add((int(epoch), int(sequence)), data, time.time() * 1000)

    async def read_stream(self) -> None:
        """Add the steps that capacity's stream still has: the feed may have been cut."""
        async with Redis.from_url(self.network.plan.redis_url) as redis:
            steps, last = RedisSteps(RedisScripts(redis, PREFIX), stale_after(7)), START
            while found := await steps.after(last, 1000):
                for one in readable(found):
                    self.steps.add((one.id.epoch, one.id.sequence), one.data, one.at.timestamp() * 1000)
                last = found[-1].id
