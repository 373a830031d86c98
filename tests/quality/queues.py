"""The queues of all programmes: a child waits in the queue of each that accepts it, by the service's rank."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from tests.quality.children import Child


class Queues:
    """`waiting` has every child that waits, by number."""

    def __init__(self) -> None:
        self.waiting = dict[int, Child]()
        self._programmes = dict[int, Sequence[str]]()
        self._entries = defaultdict[str, list[tuple[int, int]]](list)

    def join(self, child: Child, programmes: Sequence[str]) -> None:
        self.waiting[child.number], self._programmes[child.number] = child, programmes
        for name in programmes:
            heappush(self._entries[name], (child.rank, child.number))

    def leave(self, child: Child) -> None:
        """Entries stay in the heaps, and are passed over there."""
        del self.waiting[child.number], self._programmes[child.number]

    def first(self, programme_id: str, count: int = 1) -> list[Child]:
        """The first `count` of a queue, who stay in it."""
        found = list(self._take(programme_id, count))
        for one in found:
            heappush(self._entries[programme_id], (one.rank, one.number))
        return found

    def _take(self, programme_id: str, count: int) -> Iterator[Child]:
        entries, taken = self._entries[programme_id], set[int]()
        while entries and len(taken) < count:
            _, number = heappop(entries)
            if number not in taken and programme_id in self._programmes.get(number, ()):
                taken.add(number)
                yield self.waiting[number]
