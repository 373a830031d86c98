"""Free places, and stale figures."""

from collections.abc import Callable
from datetime import datetime, timedelta

Staleness = Callable[[datetime | None, datetime], bool]
"""Whether a figure confirmed at that moment (None: never) is stale at this one."""


def stale_after(days: int) -> Staleness:
    """A figure is stale when nobody has confirmed it for so many days."""
    after = timedelta(days=days)
    return lambda confirmed_at, now: confirmed_at is None or now - confirmed_at > after


def free_places(places: int, held: int, occupied: int, suspended: bool) -> int:
    return 0 if suspended else max(0, places - held - occupied)
