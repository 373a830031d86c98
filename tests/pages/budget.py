"""A figure beside its budget, and the table of all of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, and whether it is within its budget; None where there is none."""

    what: str
    found: str
    budget: str = ""
    kept: bool | None = None

    @property
    def verdict(self) -> str:
        return {True: "kept", False: "MISSED", None: ""}[self.kept]


def show(title: str, rows: Sequence[Row]) -> int:
    """Print the table; how many budgets are missed."""
    table = Table(title=f"{title}, {os.cpu_count()} cores")
    for column in ("what", "found", "budget", ""):
        table.add_column(column)
    for row in rows:
        table.add_row(row.what, row.found, row.budget, row.verdict)
    Console(width=150).print(table)
    return sum(one.kept is False for one in rows)


def cpu(pid: int) -> float:
    """Seconds of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
