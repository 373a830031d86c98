"""Short reads: those that are asked for while others are read share the next snapshot, and one turn of a thread."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextvars import Context
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session

T = TypeVar("T")
Work = Callable[[Session], T]
MOST = 16
"""Reads in a snapshot: behind a slow one the others wait."""
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

    def tell(self) -> None:
        if self.done.done():  # whoever asked has gone
            return
        if self.error:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.answer)


class SharedReads:
    """`snapshot` runs its argument on a snapshot in the calling thread, which is one of `threads`."""

    def __init__(self, snapshot: Callable[[Work[None]], None], threads: Executor) -> None:
        self._snapshot, self._threads = snapshot, threads
        self._waiting: list[_Asked] = []
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
                group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._read_group(group)
        finally:  # without an await since the last look at `_waiting`, so nobody is forgotten
            self._lanes.discard(asyncio.current_task())

    async def _read_group(self, group: Sequence[_Asked]) -> None:
        try:
            reading = asyncio.get_running_loop().run_in_executor(self._threads, self._in_turn, group)
            if not (await asyncio.wait([reading], timeout=SLOW))[0]:
                await self._read_slowly(reading)
            reading.result()
        except Exception as error:  # noqa: BLE001  the threads have ended: who waits hears of it, or waits for ever
            for one in group:
                one.error = error
        for one in group:
            one.tell()

    async def _read_slowly(self, reading: asyncio.Future[None]) -> None:
        self._slow += 1
        try:
            self._open_lane()
            await asyncio.wait([reading])
        finally:
            self._slow -= 1

    def _in_turn(self, group: Sequence[_Asked]) -> None:
        """An error ends its snapshot: those behind it have another one. Without any snapshot it is everybody's."""
        left = [one for one in group if not one.done.done()]
        while left:
            began = False

            def read(session: Session) -> None:
                nonlocal began
                began = True
                while left:
                    left[0].answer = left[0].work(session)
                    del left[0]

            try:
                self._snapshot(read)
            except Exception as error:  # noqa: BLE001  it is raised where it was asked for
                for one in left[:1] if began else left[:]:
                    one.error = error
                    left.remove(one)
