"""`python -m tests.fuzz`: Schemathesis on every route; exit code 1 when an answer is not as documented."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from tests.fuzz import country
from tests.fuzz.campaign import Campaign, Tally
from tests.support.network import running_network

SERVICES = ("intake", "referral", "capacity")
LAST = ("/v1/rebuild",)
"""Paths that leave a service without its data for a while."""


def main() -> int:
    options = _options()
    began, console = time.monotonic(), Console()
    with (
        tempfile.TemporaryDirectory(prefix="joldama-fuzz-") as folder,
        running_network(Path(folder), JOLDAMA_LIMITS="{}", JOLDAMA_PUBLIC_DOCS="yes") as network,
    ):
        known = country.fill(network)
        callers = country.callers(network, known)
        console.print(f"{options.cases} cases from seed {options.seed}; {len(callers)} callers", highlight=False)
        todo = [
            (campaign, operation)
            for service in SERVICES
            for campaign in _campaigns(service, network, known, callers)
            for operation in campaign.operations()
            if not options.only or options.only in operation.label
        ]
        todo.sort(key=lambda one: one[1].path.startswith(LAST))
        tallies = [
            campaign.run(operation, share, options.seed + number)
            for number, ((campaign, operation), share) in enumerate(
                zip(todo, _shares(options.cases, len(todo)), strict=True)
            )
        ]
    _report(console, tallies, time.monotonic() - began)
    return int(any(one.failures for one in tallies))


def _campaigns(service: str, network: Any, known: country.Known, callers: list[country.Caller]) -> list[Campaign]:
    """What the public port has, there; what only the port inside has, inside."""
    public = httpx2.get(network.url(service) + "/openapi.json").json()
    inside = httpx2.get(network.inside(service) + "/openapi.json").json()
    only = {path: what for path, what in inside["paths"].items() if path not in public["paths"]}
    found = [Campaign(service, network.url(service), public, known, callers)]
    if only:
        inner = Campaign(f"{service} inside", network.inside(service), inside | {"paths": only}, known, callers)
        found.append(inner)
    return found


def _shares(cases: int, operations: int) -> list[int]:
    """The cases of each operation; together `cases`."""
    shares = [cases // operations] * operations
    for place in random.Random(1).sample(range(operations), cases % operations):
        shares[place] += 1
    return shares


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_200, help="how many requests (1200)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same cases (1)")
    parser.add_argument("--only", default="", help="operations whose label has this, as 'POST /v1/diagnoses'")
    return parser.parse_args()


def _report(console: Console, tallies: list[Tally], seconds: float) -> None:
    failures = sum(len(one.failures) for one in tallies)
    table = Table(title="Cases by operation and status")
    statuses = sorted({status for one in tallies for status in one.statuses})
    for column in ("service", "operation", "cases", *(str(one) if one else "none" for one in statuses), "failures"):
        table.add_column(column, justify="left" if column in ("service", "operation") else "right")
    for one in tallies:
        counts = [str(one.statuses[status] or "") for status in statuses]
        table.add_row(one.service, one.operation, str(one.cases), *counts, str(len(one.failures) or ""))
    total: Counter[int] = sum((one.statuses for one in tallies), Counter())
    table.add_row("all", "", str(total.total()), *(str(total[one]) for one in statuses), str(failures))
    Console(width=200).print(table)
    for one in tallies:
        for title, told in one.failures.items():
            console.print(f"\n{one.service} {one.operation}: {title}\n{told}", markup=False, highlight=False)
    answered = sum(count for status, count in total.items() if status >= 500 and status != 503)
    console.print(
        f"\n{total.total()} cases in {seconds:.0f} s: {answered} × 5xx but 503, {total[503]} × 503, "
        f"{total[0]} without an answer, {failures} kinds of failure",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())
