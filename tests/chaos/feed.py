"""Following the operators' feed for as long as a network lives, whatever happens to it."""

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
from services.capacity.domain.step import START
from services.contracts.events import KNOWN, Payload
from tests.support.network import RunningNetwork

PREFIX = "joldama"
Id = tuple[int, int]
"""Epoch and sequence."""


@dataclass
class Steps:
    """All steps of capacity that are known, and when (ms) each epoch was certainly open."""

    known: dict[Id, Payload] = field(default_factory=dict)
    opened: dict[int, float] = field(default_factory=dict)
    contradicted: list[str] = field(default_factory=list)
    """One id with two meanings."""

    def add(self, id: Id, data: Payload, at: float) -> None:
        before = self.known.setdefault(id, data)
        if before != data:
            self.contradicted.append(f"step {id[0]}-{id[1]} was {before!r}, and is {data!r}")
        self.opened[id[0]] = min(at, self.opened.get(id[0], at))


@dataclass
class Follower:
    """`run()` until cancelled: reads the feed, and goes on from the last id when it was cut."""

    network: RunningNetwork
    steps: Steps = field(default_factory=Steps)
    resets: int = 0
    cuts: int = 0
    _last: str = ""

    async def run(self) -> None:
        url, headers = self.network.url("capacity"), self.network.headers("operator")
        while True:
            with suppress(httpx2.TransportError):
                async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=40) as http:
                    await self._follow(http)
            self.cuts += 1
            await asyncio.sleep(0.1)

    async def _follow(self, http: httpx2.AsyncClient) -> None:
        last = {"Last-Event-ID": self._last} if self._last else {}
        async with http.stream("GET", "/v1/capacity/feed", headers=last) as answer:
            if not answer.is_success:
                return
            said: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(":")
                if line:
                    said[name] = value.strip()
                else:
                    self._take(said)
                    said = {}

    def _take(self, said: Mapping[str, str]) -> None:
        if said.get("event") == "reset":
            self.resets += 1
        if "id" not in said:
            return
        self._last = said["id"]
        epoch, _, sequence = said["id"].partition("-")
        with suppress(ValidationError):
            data = KNOWN[said["event"]].model_validate_json(said["data"])
            self.steps.add((int(epoch), int(sequence)), data, time.time() * 1000)

    async def read_stream(self) -> None:
        """Add what capacity's stream still keeps: the feed may have been cut."""
        async with Redis.from_url(self.network.plan.redis_url) as redis:
            steps, last = RedisSteps(RedisScripts(redis, PREFIX)), START
            while found := await steps.after(last, 1000):
                for one in found:
                    self.steps.add((one.id.epoch, one.id.sequence), one.data, one.at.timestamp() * 1000)
                last = found[-1].id
