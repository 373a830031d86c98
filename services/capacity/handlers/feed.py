"""The live feed: one reader of the steps a process, and a bounded queue for each who follows it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

import structlog

from services.capacity.domain.feed import BEAT, RESET, Told
from services.capacity.domain.step import START, StepId, resumable
from services.capacity.ports import Steps
from services.kit.errors import TransientError

log = structlog.get_logger()
CHUNK = 500
"""Steps read at once while somebody catches up."""


class _Follower:
    """Steps on their way to one client. It is dropped when more than `room` of them wait for it."""

    def __init__(self, room: int) -> None:
        self._queue: asyncio.Queue[Told | None] = asyncio.Queue(room)
        self.dropped = False

    def offer(self, told: Told | None) -> None:
        """Hand it a step, or None for "steps were missed"."""
        try:
            self._queue.put_nowait(told)
        except asyncio.QueueFull:
            self.dropped = True

    async def next(self, seconds: float) -> Told | None:
        return await asyncio.wait_for(self._queue.get(), seconds)


class Feed:
    """`run()` reads, `follow()` tells. A client that is too slow is dropped and resumes by its last id."""

    def __init__(self, steps: Steps, *, room: int = 2_000, beat: float = 15.0) -> None:
        self._steps, self._room, self._beat = steps, room, beat
        self._followers: set[_Follower] = set()
        self._last = START
        self._reading, self._closed = asyncio.Event(), asyncio.Event()

    @property
    def followers(self) -> int:
        return len(self._followers)

    def close(self) -> None:
        """End every follower: the process stops."""
        self._closed.set()
        self._reading.set()
        for follower in self._followers:
            follower.offer(None)

    async def run(self) -> None:
        """Read until closed or cancelled; when the store fails, go on where it was."""
        while not self._closed.is_set():
            try:
                if not self._reading.is_set():
                    self._last = await self._steps.last()
                    self._reading.set()
                await self._read()
            except TransientError as error:
                log.warning("feed.retrying", reason=str(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), 0.5)

    async def _read(self) -> None:
        steps = await self._steps.wait(self._last, CHUNK, 2.0)
        for step in steps:
            self._last = step.id
            self._tell(Told(step))
        if not steps and (newest := await self._steps.last()) < self._last:
            self._last = newest  # the store came back from an older file
            self._tell(None)

    def _tell(self, told: Told | None) -> None:
        for follower in tuple(self._followers):
            follower.offer(told)
            if follower.dropped:
                self._followers.discard(follower)
                log.info("feed.dropped_slow_follower")

    async def follow(self, last_seen: StepId | None, write: Callable[[Told], bytes]) -> AsyncGenerator[bytes, None]:
        """What to send, from behind `last_seen`, or from now; ends when the client is too slow or the feed closes.

        The first beat says that it has caught up.
        """
        await self._reading.wait()
        sent = self._last
        if last_seen is not None and await self._resumable(last_seen):
            sent = last_seen
        elif last_seen is not None:
            yield RESET
        while sent < (now := self._last) and not self._closed.is_set():
            missed = await self._steps.after(sent, CHUNK)
            if not missed:  # the store lost them meanwhile
                sent = now
                yield RESET
            for step in missed:
                if step.id.epoch != sent.epoch:
                    yield RESET
                yield write(Told(step))
                sent = step.id
        follower = _Follower(self._room)
        self._followers.add(follower)  # nothing was awaited since it had all that was told: it misses nothing
        try:
            yield BEAT
            async for message in self._live(follower, sent, write):
                yield message
        finally:
            self._followers.discard(follower)

    async def _live(
        self, follower: _Follower, sent: StepId | None, write: Callable[[Told], bytes]
    ) -> AsyncGenerator[bytes, None]:
        while not (follower.dropped or self._closed.is_set()):
            try:
                told = await follower.next(self._beat)
            except TimeoutError:
                yield BEAT
                continue
            if self._closed.is_set():
                return
            if told is None:
                yield RESET
                sent = None
            elif sent is None or told.id > sent:
                if sent is not None and told.id.epoch != sent.epoch:
                    yield RESET
                yield write(told)
                sent = told.id

    async def _resumable(self, last_seen: StepId) -> bool:
        kept = await self._steps.keeps(last_seen)
        return kept or resumable(last_seen, first=await self._steps.first(), kept=False)
