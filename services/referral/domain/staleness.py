"""How far a center's figure can be trusted, and what policy makes of one that nobody has confirmed for long."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Staleness:
    """`after` so long without being confirmed a figure is stale; it is then ordered as if its center stood `behind_km`
    farther. Only the order follows from it: a stale programme accepts whom it accepts."""

    after: timedelta = timedelta(days=7)
    behind_km: float = 0.0

    def is_stale(self, confirmed_at: datetime, now: datetime) -> bool:
        return now - confirmed_at > self.after

    def stale_from(self, confirmed_at: datetime) -> datetime:
        """The last moment at which the figure is fresh."""
        return confirmed_at + self.after


WEEK = Staleness()
"""Stale after seven days, which is shown and changes no order."""
