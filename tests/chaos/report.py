"""The report: a line a run, and one table at the end."""

from collections import Counter
from collections.abc import Sequence

from tests.chaos.run import Outcome
from tests.chaos.scenario import Kind

_KINDS = ("lost", "twice", "overtaken", "silent", "answers")


def line(number: int, outcome: Outcome) -> str:
    """One run in one line."""
    one = outcome
    result = "ok" if one.ok else "FAILED"
    faults = "; ".join(map(str, one.scenario.faults)) + (" (gentle)" if one.scenario.gentle else "")
    return (
        f"{number:4d}  seed {one.scenario.seed:<5d} {one.seconds:5.1f} s  {result:6s} {one.children:3d} children "
        f"{one.steps.total():4d} steps  {one.judged:3d}/{one.hand_overs:<3d} hand-overs judged  "
        f"waited {one.longest:4.1f} s, loaded {one.loaded:4.1f} s, quiet after {one.quiet_after:4.1f} s  [{faults}]"
    )


def failure(outcome: Outcome, logs: str) -> str:
    """The findings, and how to reproduce them."""
    found = outcome.findings.all()
    lines = [f"      {one}" for one in found[:20]]
    if len(found) > 20:
        lines.append(f"      … and {len(found) - 20} more")
    seed = outcome.scenario.seed
    return "\n".join([*lines, f'      again: make chaos ARGS="--seed {seed} --runs 1"', f"      kept: {logs}"])


def table(outcomes: Sequence[Outcome], database: str) -> str:
    """The totals of all runs."""
    faults = sum((one.faults for one in outcomes), Counter[str]())
    steps = sum((one.steps for one in outcomes), Counter[str]())
    counts = {name: sum(len(getattr(one.findings, name)) for one in outcomes) for name in _KINDS}
    failed = [one.scenario.seed for one in outcomes if not one.ok]
    rows = {
        "runs": f"{len(outcomes)}, {len(failed)} failed" + (f": seeds {', '.join(map(str, failed))}" if failed else ""),
        "database": database,
        "children": str(sum(one.children for one in outcomes)),
        "steps": ", ".join(f"{count} {name}" for name, count in sorted(steps.items())),
        "faults": ", ".join(f"{faults[kind]} {kind}" for kind in Kind),
        "hand-overs": f"{sum(one.hand_overs for one in outcomes)}, of places "
        f"{sum(one.judged for one in outcomes)} given while others were known to wait",
        "longest wait": f"{max((one.longest for one in outcomes), default=0):.1f} s for one answer",
        "lost": str(counts["lost"]),
        "twice": str(counts["twice"]),
        "overtaken": str(counts["overtaken"]),
        "silent": str(counts["silent"]),
        "unexpected answers": str(counts["answers"]),
    }
    return "\n".join(f"{name:20s}{value}" for name, value in rows.items())
