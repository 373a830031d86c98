"""The table of one load, in Markdown as docs/benchmarks.md has it."""

from collections.abc import Mapping, Sequence

from tests.quality.country import DAY
from tests.quality.runs import Line, Run

NUMBERS = ("mean km", "p95 km", "to hindsight", "unplaced", "offers a placement", "days", "urgent's days")
COLUMNS = ("policy", *NUMBERS, "farthest region", "least placed region")


def markdown(load: float, run: Run, lines: Sequence[Line], regions: Mapping[str, str]) -> str:
    came = run.arrivals
    whom = f"{len(came.children):,} children whom some programme accepts, and {came.unplaceable:,} whom none does"
    head = f"Load {load}, {run.end // DAY} days, seed {run.seed}: {whom}."
    rule = "|" + "|".join("---:" if column in NUMBERS else "---" for column in COLUMNS) + "|"
    return "\n".join([head, "", _row(COLUMNS), rule, *(_row(_cells(one, regions)) for one in lines)])


def _cells(one: Line, regions: Mapping[str, str]) -> tuple[str, ...]:
    (far, km), (few, share) = one.farthest, one.least_placed
    return (
        one.policy,
        f"{one.mean_km:.1f}",
        f"{one.p95_km:.0f}",
        "" if one.ratio is None else f"{one.ratio:.3f}",
        f"{one.unplaced:.1%}",
        "" if one.offers is None else f"{one.offers:.3f}",
        "" if one.days is None else f"{one.days:.1f}",
        "" if one.urgent_days is None else f"{one.urgent_days:.2f}",
        f"{regions[far]}, {km:.0f} km",
        f"{regions[few]}, {share:.0%}",
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
