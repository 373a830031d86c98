"""Values that are read once for all who ask within some time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

T = TypeVar("T")
PATIENCE = 30.0
"""Seconds."""
MOST = 100
"""Values by key that are kept at once."""


class Kept(Generic[T]):
    """The value of `read`, no older than `every` by `clock`; whoever asks while it is read waits for that reading.

    Who asks later than `every` after it began waits for its end, and shares the next: there is never more than one,
    but for one that hangs: it is waited for `patience` seconds. A reading that fails is none: each who waits for it
    gets its error, and the next one to ask reads again.
    """

    def __init__(self, clock: Callable[[], datetime], every: timedelta, patience: float = PATIENCE) -> None:
        self._clock, self._every, self._patience = clock, every, patience
        self._began: datetime | None = None
        self._reading: asyncio.Task[T] | None = None

    async def __call__(self, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        known = self._reading
        if known and not known.done() and not self._is_fresh():
            await asyncio.wait({known}, timeout=self._patience)
        reading = self._reading
        if reading is None or (reading is known and (not self._is_fresh() or _failed(reading))):
            # in a context of its own: it is no request's
            reading = asyncio.create_task(read(), context=Context())
            self._began, self._reading = self._clock(), reading
        return await asyncio.shield(reading)

    def _is_fresh(self) -> bool:
        """Not one from the future either: a clock may be set back."""
        return self._began is not None and timedelta(0) <= self._clock() - self._began < self._every


def _failed(reading: "asyncio.Task[Any]") -> bool:
    return reading.done() and (reading.cancelled() or reading.exception() is not None)


class KeptByKey(Generic[T]):
    """A value for each key, each as `Kept`."""

    def __init__(self, clock: Callable[[], datetime], every: timedelta) -> None:
        self._clock, self._every = clock, every
        self._kept: dict[Hashable, Kept[T]] = {}

    async def __call__(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if key not in self._kept:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = Kept(self._clock, self._every)
        return await self._kept[key](read)
