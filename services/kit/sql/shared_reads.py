"""Short reads: those that are asked for while others are read share the next snapshot, and one turn of a thread."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextvars import Context
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session

T = TypeVar("T")
Work = Callable[[Session], T]
MOST = 16
"""Reads in a snapshot."""
LANES, SLOW = 3, 0.05
"""Snapshots that are read beside each other at most; the next one is begun when one takes longer than these seconds.

Threads that run Python at the same time wait for each other: on two cores a list took two and a half times as long.
"""


@dataclass(slots=True, eq=False)
class _Asked:
    """A read, whose answer or error is told to who waits for it."""

    work: Work[Any]
    done: asyncio.Future[Any]
    answer: Any = None
    error: Exception | None = None
    ended: bool = False

    def fail(self, error: Exception) -> None:
        self.error, self.ended = error, True

    def tell(self) -> None:
        if not self.ended or self.done.done():  # has not had its turn; or whoever asked has gone, or knows
            return
        if self.error:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.answer)


class SharedReads:
    """`snapshot` runs its argument on a snapshot in the calling thread, which is one of `threads`."""

    def __init__(self, snapshot: Callable[[Work[None]], None], threads: Executor) -> None:
        self._snapshot, self._threads = snapshot, threads
        self._waiting = deque[_Asked]()
        self._lanes, self._slow = set[asyncio.Task[None]](), 0

    async def __call__(self, work: Work[T]) -> T:
        """The result of `work`, on a snapshot that began after this call. Raises what it raises, and nobody else's."""
        asked = _Asked(work, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        self._open_lane()
        answer: T = await asked.done
        return answer

    def _open_lane(self) -> None:
        """If nobody else takes those that wait soon."""
        if self._waiting and len(self._lanes) == self._slow < LANES:
            # in a context of its own: it is no one request's
            self._lanes.add(asyncio.create_task(self._read(), context=Context()))

    async def _read(self) -> None:
        try:
            while self._waiting:
                await self._read_group([self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))])
        finally:  # without an await since the last look at `_waiting`, so nobody is forgotten
            self._lanes.discard(asyncio.current_task())

    async def _read_group(self, group: Sequence[_Asked]) -> None:
        left = deque(group)
        try:
            reading = asyncio.get_running_loop().run_in_executor(self._threads, self._in_turn, left)
            if not (await asyncio.wait([reading], timeout=SLOW))[0]:
                await self._read_slowly(reading, group, left)
            reading.result()
        except Exception as error:  # noqa: BLE001  the threads have ended: who waits hears of it, or waits for ever
            _fail_all(left, error)
        for one in group:
            one.tell()

    async def _read_slowly(self, reading: asyncio.Future[None], group: Sequence[_Asked], left: deque[_Asked]) -> None:
        """While one is read who has an answer is told, and those who have had no turn have it in another lane."""
        while one := _next(left, last=True):
            self._waiting.appendleft(one)
        for one in group:
            one.tell()
        self._slow += 1
        try:
            self._open_lane()
            await asyncio.wait([reading])
        finally:
            self._slow -= 1

    def _in_turn(self, left: deque[_Asked]) -> None:
        """An error ends its snapshot: those behind it have another one. Without any snapshot it is everybody's."""
        while left:
            now: _Asked | None = None
            began = False

            def read(session: Session) -> None:
                nonlocal now, began
                began = True
                while now := _next(left):
                    now.answer = now.work(session)
                    now.ended = True

            try:
                self._snapshot(read)
            except BaseException as error:  # noqa: BLE001  it is raised where it was asked for
                if now:
                    now.fail(_raisable(error))
                elif not began:
                    _fail_all(left, _raisable(error))


def _next(left: deque[_Asked], *, last: bool = False) -> _Asked | None:
    """Taken out of `left`: one that somebody waits for, or None. A lane and its thread may take at the same time."""
    try:
        while True:
            one = left.pop() if last else left.popleft()
            if not one.done.done():
                return one
    except IndexError:
        return None


def _fail_all(left: deque[_Asked], error: Exception) -> None:
    """Each has an error of its own: where it is raised it is written to."""
    while one := _next(left):
        one.fail(copy(error))


def _raisable(error: BaseException) -> Exception:
    """As a future takes it."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"{type(error).__name__} in a read: {error}")
