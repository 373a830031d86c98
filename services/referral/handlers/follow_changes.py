"""Followers of what changes: one reader of the record for all of them, while there are any."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from math import inf
from time import time
from typing import Protocol

import structlog

from services.contracts.changes import Change
from services.kit.errors import TransientError
from services.kit.loops import noting_failures

log = structlog.get_logger()
EVERY, BEAT_EVERY = 0.25, 15.0
"""Seconds between two reads, and between two signs of life."""
MOST_WAITING = 10_000
"""Changes that wait for one follower: it is ended when it is slower, and comes back."""


class Changes(Protocol):
    async def begin(self) -> None:
        """Forget what was before now."""
        ...

    async def next(self) -> Sequence[Change]:
        """What was committed since the last call."""
        ...


class FollowChanges:
    """`run()` reads, `follow()` gives each change to each follower, and nothing of before it came."""

    def __init__(self, changes: Changes, *, every: float = EVERY, beat: float = BEAT_EVERY) -> None:
        self._changes, self._every, self._beat = changes, every, beat
        self._followers = set[asyncio.Queue[Change | None]]()
        self._followed, self._reading = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled; after a failure of the record, go on from the last step."""
        while True:
            if not self._followed.is_set():
                self._reading.clear()
                await self._followed.wait()
            try:
                with noting_failures("changes"):
                    await self._step()
            except TransientError as error:
                log.warning("changes.retrying", reason=str(error))
            await asyncio.sleep(self._every)

    async def _step(self) -> None:
        if self._reading.is_set():
            self._give(await self._changes.next())
        else:
            await self._changes.begin()
            self._reading.set()

    def close(self) -> None:
        """End all followers, because the process stops."""
        for one in tuple(self._followers):
            self._end(one)

    def _give(self, changes: Sequence[Change]) -> None:
        for one in tuple(self._followers):
            if one.qsize() + len(changes) > MOST_WAITING:
                self._end(one)
            else:
                for change in changes:
                    one.put_nowait(change)

    def _end(self, follower: asyncio.Queue[Change | None]) -> None:
        self._followers.discard(follower)
        follower.put_nowait(None)

    async def follow(self, ends: float = inf) -> AsyncGenerator[Change | None, None]:
        """The changes from now on, until `ends` (epoch seconds); None is a sign of life.

        The first one says that nothing from now on is missed.
        """
        own = asyncio.Queue[Change | None]()
        self._followers.add(own)
        self._followed.set()
        try:
            await self._reading.wait()
            yield None
            while (left := ends - time()) > 0:
                try:
                    async with asyncio.timeout(min(self._beat, left)):
                        change = await own.get()
                except TimeoutError:
                    yield None
                    continue
                if change is None:
                    return
                yield change
        finally:
            self._followers.discard(own)
            if not self._followers:
                self._followed.clear()
