"""Counts of long lists, each kept for a second: to count a hundred thousand takes longer than to read a page."""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
LONG, SECONDS = 1_000, 1.0
"""Referrals of a list from which on its count is kept, and for how long: a shorter one is counted each time."""
MOST = 1_000
"""Lists whose counts are kept."""


class KeptCounts(Generic[T]):
    """Counts by list; `size` is how many referrals a count is of. Called by several threads, of which one counts."""

    def __init__(self, size: Callable[[T], int], long: int = LONG, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._long, self._clock = size, long, clock
        self._kept: dict[Hashable, tuple[T, float]] = {}

    def of(self, name: Hashable, count: Callable[[], T]) -> T:
        """The count of the list with that name."""
        now, kept = self._clock(), self._kept.get(name)
        if kept and now < kept[1]:
            return kept[0]
        if kept:  # whoever asks meanwhile has the old one
            self._kept[name] = kept[0], now + SECONDS
        found = count()
        if self._size(found) < self._long:
            self._kept.pop(name, None)
            return found
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[name] = found, now + SECONDS
        return found
