"""The live feed: one reader of the steps in a process, and a bounded queue for each follower."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from math import inf
from time import time

import structlog

from services.capacity.domain.feed import BEAT, RESET, TOKEN_ENDED, FeedMessage
from services.capacity.domain.step import START, Step, StepId, resumable
from services.capacity.ports import Steps
from services.kit.errors import TransientError
from services.kit.loops import noting_failures

log = structlog.get_logger()
CHUNK = 500
"""Steps read at once while a follower catches up."""


class _Follower:
    """The messages for one client, which is dropped when more than `room` are waiting."""

    def __init__(self, room: int) -> None:
        self.queue: asyncio.Queue[FeedMessage | None] = asyncio.Queue(room)
        self.dropped = False

    def offer(self, message: FeedMessage | None) -> None:
        """Queue a message, or None when steps were missed."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.dropped = True


class Feed:
    """`run()` reads, `follow()` sends. A client that is too slow is dropped, and resumes by its last event id.

    `clock` is in epoch seconds.
    """

    def __init__(
        self, steps: Steps, *, room: int = 2_000, beat: float = 15.0, clock: Callable[[], float] = time
    ) -> None:
        self._steps, self._room, self._beat, self._clock = steps, room, beat, clock
        self._followers: set[_Follower] = set()
        self._last = START
        self._reading, self._closed = asyncio.Event(), asyncio.Event()

    @property
    def followers(self) -> int:
        return len(self._followers)

    def close(self) -> None:
        """End all followers, because the process stops."""
        self._closed.set()
        self._reading.set()
        for follower in self._followers:
            follower.offer(None)

    async def run(self) -> None:
        """Read until closed or cancelled; after a failure of the store, go on from the last step."""
        while not self._closed.is_set():
            try:
                with noting_failures("feed"):
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
            self._send(FeedMessage(step) if isinstance(step, Step) else None)
        if not steps and (newest := await self._steps.last()) < self._last:
            self._last = newest  # the store has come back with older data
            self._send(None)

    def _send(self, message: FeedMessage | None) -> None:
        for follower in tuple(self._followers):
            follower.offer(message)
            if follower.dropped:
                self._followers.discard(follower)
                log.info("feed.dropped_slow_follower")

    async def follow(
        self, last_seen: StepId | None, write: Callable[[FeedMessage], bytes], ends: float = inf
    ) -> AsyncGenerator[bytes, None]:
        """The messages behind `last_seen`, or from now; ends when the client is too slow or the feed closes.

        The first beat says that the client has caught up. At `ends` (epoch seconds) the last message is TOKEN_ENDED.
        """
        await self._reading.wait()
        sent = self._last
        if last_seen is not None:
            kept, first = await self._steps.keeps(last_seen), await self._steps.first()
            if resumable(last_seen, first=first, kept=kept):
                sent = last_seen
            else:
                yield RESET
        while sent < (now := self._last) and not self._closed.is_set() and self._clock() < ends:
            missed = await self._steps.after(sent, CHUNK)
            if not missed:  # the store has lost them meanwhile
                sent = now
                yield RESET
            for step in missed:
                if step.id.epoch != sent.epoch or not isinstance(step, Step):
                    yield RESET
                if isinstance(step, Step):
                    yield write(FeedMessage(step))
                sent = step.id
        follower = _Follower(self._room)
        self._followers.add(follower)  # nothing was awaited since the last comparison: no step is missed
        try:
            yield BEAT
            async for message in self._live(follower, sent, write, ends):
                yield message
        finally:
            self._followers.discard(follower)

    async def _live(
        self, follower: _Follower, sent: StepId | None, write: Callable[[FeedMessage], bytes], ends: float
    ) -> AsyncGenerator[bytes, None]:
        while not (follower.dropped or self._closed.is_set()):
            if (left := ends - self._clock()) <= 0:
                yield TOKEN_ENDED
                return
            try:
                message = await asyncio.wait_for(follower.queue.get(), min(self._beat, left))
            except TimeoutError:
                yield BEAT
                continue
            if self._closed.is_set():
                return
            if message is None:
                yield RESET
                sent = None
            elif sent is None or message.id > sent:
                if sent is not None and message.id.epoch != sent.epoch:
                    yield RESET
                yield write(message)
                sent = message.id
