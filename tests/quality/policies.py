"""The policies that are compared. All serve queues by the service's rank; they differ in which place they offer."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from services.referral.domain.routing import Decision
from tests.quality.children import Child
from tests.quality.country import DAY
from tests.quality.flow import Flow

Asking = tuple[Child, Decision]
Prices = Callable[[int], Mapping[str, int]]
"""At a minute, of each programme what one place more would have saved lately, in meters."""


class Policy(ABC):
    """Settles each child at once, or with a `window` all together every so many minutes.

    With `patience` a child waits for its `wanted` programmes alone for so many minutes, then for all.
    """

    window = 0
    patience = 0

    @abstractmethod
    def match(self, asking: Sequence[Asking], free: Mapping[str, int], now: int) -> list[str | None]:
        """Of each child, by rank, the programme whose place it is offered, or None."""

    def wanted(self, child: Child, decision: Decision, now: int) -> Decision:
        """The decision with the candidates for whom the child waits at first: all, unless a policy has patience."""
        return decision


class AtOnce(Policy):
    """Of whom one child asks at a time."""

    @abstractmethod
    def choose(self, child: Child, decision: Decision, free: Mapping[str, int], now: int) -> str | None:
        """A candidate with a free place; None when there is none."""

    def match(self, asking: Sequence[Asking], free: Mapping[str, int], now: int) -> list[str | None]:
        [(child, decision)] = asking
        return [self.choose(child, decision, free, now)]


class Nearest(AtOnce):
    """The network's own: the nearest candidate with a free place; of those equally near the one with most, then by id.

    With `patience` a child waits first for the candidates that are up to `within` meters farther than its nearest.
    """

    def __init__(self, patience: int = 0, within: int = 100_000) -> None:
        self.patience, self._within = patience, within

    def choose(self, child: Child, decision: Decision, free: Mapping[str, int], now: int) -> str | None:
        for tier in decision.tiers():
            best = max(tier, key=free.__getitem__)
            if free[best]:
                return best
        return None

    def wanted(self, child: Child, decision: Decision, now: int) -> Decision:
        return _cheapest(decision, child.meters, self._within)


class Random(AtOnce):
    """Any candidate with a free place."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed} places")

    def choose(self, child: Child, decision: Decision, free: Mapping[str, int], now: int) -> str | None:
        names = _with_free(decision, free)
        return self._chance.choice(names) if names else None


class Batches(Policy):
    """By rank, as many as there are places for, with the fewest meters; where that is equal, as the network's own."""

    def __init__(self, window: int) -> None:
        self.window = window

    def match(self, asking: Sequence[Asking], free: Mapping[str, int], now: int) -> list[str | None]:
        names = [name for name, many in free.items() if many]
        groups, flow = {name: group for group, name in enumerate(names)}, Flow([free[name] for name in names])
        ties = {name: max(0, 999 - many) for name, many in free.items()}  # thousandths of a meter
        rows = [
            tuple((groups[name], child.meters[name] * 1000 + ties[name]) for name in _with_free(one, free))
            for child, one in asking
        ]
        taken = [flow.add(row) for row in rows]
        where = flow.where()
        return [names[where[row].pop()] if got else None for row, got in zip(rows, taken, strict=True)]


class ShadowPriced(AtOnce):
    """The candidate with a free place whose meters and price together are least.

    With `patience` a child waits first for those that are cheapest, free or not.
    """

    def __init__(self, prices: Prices, patience: int = 0) -> None:
        self._prices, self.patience = prices, patience

    def choose(self, child: Child, decision: Decision, free: Mapping[str, int], now: int) -> str | None:
        costs = self._costs(child, now)
        return min(_with_free(decision, free), key=costs.__getitem__, default=None)

    def wanted(self, child: Child, decision: Decision, now: int) -> Decision:
        return _cheapest(decision, self._costs(child, now), 0)

    def _costs(self, child: Child, now: int) -> dict[str, int]:
        prices = self._prices(now)
        return {name: meters + prices[name] for name, meters in child.meters.items()}


def comparison(prices: Prices, seed: int) -> dict[str, Policy]:
    """The policies by the names that the table has."""
    week, some_days = 7 * DAY, 3 * DAY
    return {
        "nearest free (the network's own)": Nearest(),
        "random free": Random(seed),
        "batches of 1 minute": Batches(1),
        "batches of 15 minutes": Batches(15),
        "batches of 1 day": Batches(DAY),
        "nearest with shadow prices": ShadowPriced(prices),
        "nearest, waits up to 3 days": Nearest(some_days),
        "nearest, waits up to 7 days": Nearest(week),
        "shadow prices, waits up to 7 days": ShadowPriced(prices, week),
    }


def _with_free(decision: Decision, free: Mapping[str, int]) -> list[str]:
    return [one.programme_id for one in decision.candidates if free[one.programme_id]]


def _cheapest(decision: Decision, costs: Mapping[str, int], slack: int) -> Decision:
    most = min(costs[one.programme_id] for one in decision.candidates) + slack
    return replace(decision, candidates=tuple(one for one in decision.candidates if costs[one.programme_id] <= most))
