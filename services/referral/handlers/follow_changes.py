"""Followers of what changes: one reader of the record for all of them, while there are any."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from enum import Enum, auto
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


class _Sign(Enum):
    BEGUN = auto()
    """From now on nothing is missed."""
    ENDED = auto()


_Follower = asyncio.Queue[Change | _Sign]


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
        self._followers = set[_Follower]()
        self._followed, self._reading = asyncio.Event(), False

    async def run(self) -> None:
        """Read until cancelled; after a failure of the record, go on from the last step."""
        while True:
            if not self._followed.is_set():
                self._reading = False
                await self._followed.wait()
            try:
                with noting_failures("changes"):
                    await self._step()
            except TransientError as error:
                log.warning("changes.retrying", reason=str(error))
            await asyncio.sleep(self._every)

    async def _step(self) -> None:
        if self._reading:
            self._give(await self._changes.next())
        else:
            await self._changes.begin()
            self._reading = True
            self._give([_Sign.BEGUN])

    def close(self) -> None:
        """End all followers, because the process stops."""
        for one in tuple(self._followers):
            self._end(one)

    def _give(self, found: Sequence[Change | _Sign]) -> None:
        for one in tuple(self._followers):
            if one.qsize() + len(found) > MOST_WAITING:
                self._end(one)
            else:
                for each in found:
                    one.put_nowait(each)

    def _end(self, follower: _Follower) -> None:
        self._followers.discard(follower)
        follower.put_nowait(_Sign.ENDED)

    async def follow(self, ends: float = inf) -> AsyncGenerator[Change | None, None]:
        """The changes from now on, until `ends` (epoch seconds); None is a sign of life.

        The first one says that nothing from now on is missed.
        """
        own, begun = _Follower(), False
        if self._reading:
            own.put_nowait(_Sign.BEGUN)
        self._followers.add(own)
        self._followed.set()
        try:
            while (left := ends - time()) > 0:
                try:
                    async with asyncio.timeout(min(self._beat, left)):
                        found = await own.get()
                except TimeoutError:
                    if begun:
                        yield None
                    continue
                if found is _Sign.ENDED:
                    return
                begun = True
                yield None if found is _Sign.BEGUN else found
        finally:
            self._followers.discard(own)
            if not self._followers:
                self._followed.clear()
