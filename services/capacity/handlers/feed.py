"""The live feed: one reader of the steps in a process, and the last of them in memory, which all followers share."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from time import time

import structlog

from services.capacity.domain.feed import BEAT, RESET, TOKEN_ENDED, FeedMessage
from services.capacity.domain.step import START, Step, StepId, UnreadableStep
from services.capacity.handlers.publish_figures import Publication, PublishedFigures
from services.capacity.ports import Steps
from services.kit.errors import TransientError
from services.kit.loops import noting_failures

log = structlog.get_logger()
READ = 500
"""Steps read from the store at once."""
CATCH_UP = 5.0
"""Seconds that a follower waits for the reader to come to its last step."""
SENT = 200
"""Steps sent to a follower at once."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A step that is kept for followers; without a message steps were missed here, and they load again."""

    id: StepId
    message: FeedMessage | None


class _Ring:
    """The last `size` steps by their number, which counts up for ever."""

    def __init__(self, size: int) -> None:
        self._kept = [_Kept(START, None)] * size
        self.end, self._floor = 0, 0

    @property
    def start(self) -> int:
        return max(self._floor, self.end - len(self._kept))

    def __getitem__(self, number: int) -> _Kept:
        return self._kept[number % len(self._kept)]

    def append(self, one: _Kept) -> None:
        self._kept[self.end % len(self._kept)] = one
        self.end += 1

    def clear(self) -> None:
        self._floor = self.end

    def behind(self, last: StepId) -> int | None:
        """The number of the step that follows `last`; None when steps between may be missing."""
        low, high = self.start, self.end
        if low == high:
            return None
        first = self[low].id
        if last == StepId(first.epoch, first.sequence - 1):
            return low
        while low < high:
            middle = (low + high) // 2
            if self[middle].id < last:
                low = middle + 1
            else:
                high = middle
        return low + 1 if low < self.end and self[low].id == last else None


@dataclass(frozen=True, slots=True)
class View:
    """What one follower is sent of steps (None: nothing of this one), and of the figures of others."""

    write: Callable[[FeedMessage], bytes | None]
    figures: bool = False
    own_center: str | None = None


class Feed:
    """`run()` reads, `follow()` sends. A client that is too slow, or comes back too late, is told to load again.

    `kept` steps are in memory, and as many are replayed at most. `clock` is in epoch seconds.
    """

    def __init__(
        self,
        steps: Steps,
        figures: PublishedFigures | None = None,
        *,
        kept: int = 10_000,
        beat: float = 15.0,
        clock: Callable[[], float] = time,
    ) -> None:
        self._steps, self._figures, self._beat, self._clock = steps, figures, beat, clock
        self._size, self._ring, self._last = kept, _Ring(kept), START
        self._reading, self._closed, self._changed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.followers = 0
        if figures:
            figures.on_change = self._wake

    def close(self) -> None:
        """End all followers, because the process stops."""
        self._closed.set()
        self._reading.set()
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def run(self) -> None:
        """Read until closed or cancelled; after a failure of the store, go on from the last step."""
        while not self._closed.is_set():
            try:
                with noting_failures("feed"):
                    if not self._reading.is_set():
                        self._keep(await self._steps.newest(self._size))
                        self._reading.set()
                    await self._read()
            except TransientError as error:
                log.warning("feed.retrying", reason=str(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), 0.5)

    async def _read(self) -> None:
        steps = await self._steps.wait(self._last, READ, 2.0)
        self._keep(steps)
        older = False
        if not steps and (newest := await self._steps.last()) < self._last:  # the store has come back with older data
            self._ring.clear()
            self._ring.append(_Kept(newest, None))
            self._last, older = newest, True
        if steps or older:
            self._wake()

    def _keep(self, steps: Sequence[Step | UnreadableStep]) -> None:
        for step in steps:
            if self._last not in (START, step.id) and step.id.epoch != self._last.epoch:
                self._ring.append(_Kept(self._last, None))
            self._ring.append(_Kept(step.id, FeedMessage(step) if isinstance(step, Step) else None))
            self._last = step.id

    async def follow(self, last_seen: StepId | None, view: View, ends: float = inf) -> AsyncGenerator[bytes, None]:
        """The messages behind `last_seen`, or from now, some at once; ends when the feed closes.

        The first beat says that the client has caught up. At `ends` (epoch seconds) the last message is TOKEN_ENDED.
        """
        self.followers += 1
        try:
            while not self._reading.is_set() and (left := ends - self._clock()) > 0:
                await self._next(self._reading, min(self._beat, left))
            async for part in self._parts(last_seen, view, ends):
                yield part
        finally:
            self.followers -= 1

    async def _parts(self, last_seen: StepId | None, view: View, ends: float) -> AsyncGenerator[bytes, None]:
        if last_seen and last_seen > self._last:
            await self._wait_for(last_seen)
        found = self._ring.end if last_seen is None else self._ring.behind(last_seen)
        if found is None:
            last_seen = None
            yield RESET
        position = self._ring.end if found is None else found
        shown = last_seen or self._published_at
        greeted, published = False, None if last_seen else self._latest
        while not self._closed.is_set():
            if (left := ends - self._clock()) <= 0:
                yield TOKEN_ENDED
                return
            changed, latest = self._changed, self._latest if view.figures else None
            if position < self._ring.end:
                part, position = self._part(position, view)
            elif latest and latest is not published:
                part, published = latest.after(shown, view.own_center), latest
                shown = max(shown, latest.id)
            elif not greeted:
                part, greeted = BEAT, True
            else:
                part = await self._next(changed, min(self._beat, left))
            if part:
                yield part

    async def _wait_for(self, step: StepId) -> None:
        """The client may have been told of a step that the store has and this reader has not read yet."""
        with suppress(TimeoutError, TransientError):
            if step <= await self._steps.last():
                async with asyncio.timeout(CATCH_UP):
                    while self._last < step and not self._closed.is_set():
                        await self._changed.wait()

    async def _next(self, changed: asyncio.Event, seconds: float) -> bytes:
        """Wait for the next step or publication; a beat when there is none."""
        try:
            async with asyncio.timeout(seconds):
                await changed.wait()
        except TimeoutError:
            return BEAT
        return b""

    @property
    def _latest(self) -> Publication | None:
        return self._figures.latest if self._figures else None

    @property
    def _published_at(self) -> StepId:
        return self._latest.id if self._latest else START

    def _part(self, position: int, view: View) -> tuple[bytes, int]:
        """The messages from this number on, and the number behind them; RESET when they are no longer kept."""
        if position < self._ring.start:
            return RESET, self._ring.end
        until = min(self._ring.end, position + SENT)
        parts = []
        for number in range(position, until):
            message = self._ring[number].message
            parts.append(view.write(message) if message else RESET)
        return b"".join(one for one in parts if one), until
