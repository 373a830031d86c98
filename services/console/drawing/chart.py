"""Small charts as one SVG path each: a line over time, or bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, HEIGHT = 600, 160


@dataclass(frozen=True, slots=True)
class Chart:
    """What the macro `chart` draws: a path, the height's number, and the first and last text below it."""

    kind: str
    path: str
    top: float
    first: str
    last: str
    bar: int = 0
    """The bars' width in units."""


def line_chart(values: Sequence[float], first: str, last: str) -> Chart:
    """A line through the values at equal steps, from nothing to a round number; `first` and `last` name its ends."""
    top = _round_up(max(values, default=0))
    step = WIDTH / max(len(values) - 1, 1)
    points = [f"{round(number * step)} {_height(value, top)}" for number, value in enumerate(values)]
    return Chart("line", f"M{'L'.join(points)}" if points else "", top, first, last)


def bar_chart(values: Sequence[float], first: str, last: str) -> Chart:
    """A bar for each value."""
    top = _round_up(max(values, default=0))
    step = WIDTH / max(len(values), 1)
    bars = [
        f"M{round((number + 0.5) * step)} {HEIGHT}V{_height(value, top)}"
        for number, value in enumerate(values)
        if value > 0
    ]
    return Chart("bars", "".join(bars), top, first, last, max(round(step * 0.7), 1))


def _height(value: float, top: float) -> int:
    return round(HEIGHT * (1 - value / top))


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 …"""
    if value <= 1:
        return 1
    power = 10.0 ** floor(log10(value))
    return next(float(step * power) for step in (1, 2, 5, 10) if ceil(value) <= step * power)
