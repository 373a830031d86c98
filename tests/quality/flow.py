"""Min-cost flow from children to groups of places, one child after the other, along shortest augmenting paths.

This is the Hungarian method with capacities. It keeps a price for each group, 0 while the group has a place left, so
that every child is where its cost plus the price is least. A child that is in stays in: added in order of rank, each is
in if those before it leave room, and the total cost is the least for those who are in.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from heapq import heappop, heappush

Row = tuple[tuple[int, int], ...]
"""The groups in which a child may be, and its cost there, at least 0."""
Label = tuple[int, int, int, Row]
"""Cost with prices up to a group, the group, the group before it (-1 for none), and the row that moves from there."""


class Flow:
    """Groups are numbered from 0; `left` has the places that are left in each."""

    def __init__(self, capacity: Sequence[int]) -> None:
        self.left = list(capacity)
        self.prices = [0] * len(capacity)
        self.cost = 0
        self._there: Counter[tuple[int, Row]] = Counter()
        self._moves: list[defaultdict[int, list[tuple[int, Row]]]] = [defaultdict(list) for _ in capacity]
        self._closed: set[int] = set()

    def add(self, row: Row) -> bool:
        """Take one more child in, moving others; False when no moves make room for it, and nothing changes."""
        reached = dict[int, Label]()
        heap: list[Label] = [(cost + self.prices[to], to, -1, row) for to, cost in row if to not in self._closed]
        heap.sort()
        while heap:
            label = heappop(heap)
            total, to = label[0], label[1]
            if to in reached:
                continue
            reached[to] = label
            if self.left[to]:
                self._raise_prices(reached, total)
                self._augment(reached, to)
                return True
            self._spread(total, to, reached, heap)
        self._closed.update(reached)  # whoever is there can only move within, and all of it is full
        return False

    def where(self) -> dict[Row, list[int]]:
        """The groups in which the children of each row are, one for each child."""
        found = defaultdict[Row, list[int]](list)
        for (group, row), many in self._there.items():
            found[row] += [group] * many
        return found

    def _spread(self, total: int, group: int, reached: dict[int, Label], heap: list[Label]) -> None:
        base = total - self.prices[group]
        for to, moves in self._moves[group].items():
            if to in reached or to in self._closed:
                continue
            while moves and not self._there[group, moves[0][1]]:
                heappop(moves)
            if moves:
                heappush(heap, (base + moves[0][0] + self.prices[to], to, group, moves[0][1]))

    def _raise_prices(self, reached: dict[int, Label], total: int) -> None:
        for group, label in reached.items():
            self.prices[group] += total - label[0]

    def _augment(self, reached: dict[int, Label], last: int) -> None:
        self.left[last] -= 1
        to = last
        while True:
            _, _, before, row = reached[to]
            costs = dict(row)
            if before >= 0:
                self._there[before, row] -= 1
                self.cost -= costs[before]
            self.cost += costs[to]
            self._arrive(to, row, costs[to])
            if before < 0:
                return
            to = before

    def _arrive(self, group: int, row: Row, cost: int) -> None:
        self._there[group, row] += 1
        if self._there[group, row] == 1:
            for to, other in row:
                if to != group:
                    heappush(self._moves[group][to], (other - cost, row))
