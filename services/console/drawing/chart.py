"""Small charts as one SVG path each: bars over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, HEIGHT = 600, 160


@dataclass(frozen=True, slots=True)
class Chart:
    """What the macro `chart` draws: a path, the height's number, and the first and last text below it."""

    path: str
    top: float
    first: str
    last: str
    bar: int
    """The bars' width in units."""


def bar_chart(values: Sequence[float], first: str, last: str) -> Chart:
    """A bar for each value, from nothing to a round number; `first` and `last` name the ends."""
    top = _round_up(max(values, default=0))
    step = WIDTH / max(len(values), 1)
    bars = [
        f"M{round((number + 0.5) * step)} {HEIGHT}V{_height(value, top)}"
        for number, value in enumerate(values)
        if value > 0
    ]
    return Chart("".join(bars), top, first, last, max(round(step * 0.7), 1))


def _height(value: float, top: float) -> int:
    return round(HEIGHT * (1 - value / top))


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 …"""
    if value <= 1:
        return 1
    power = 10.0 ** floor(log10(value))
    return next(float(step * power) for step in (1, 2, 5, 10) if ceil(value) <= step * power)
