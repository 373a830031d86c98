"""`make bench`: one run, one table of Joldama against the bare parts it is made of."""

import argparse
import asyncio
import json
import os
import platform
import sys

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.bench import measures
from tests.bench.network import BenchNetwork, running_network
from tests.bench.reads import read_children


async def measure(network: BenchNetwork, scale: float, day: int, say: Progress) -> measures.Figures:
    figures = await measure_posts(network, scale, say)
    rates, backlog, claims = figures.rates, int(5000 * scale), int(40_000 * scale)

    def stage(text: str) -> None:
        say.update(say.task_ids[0], description=text)

    stage("reading children")
    figures.read_p50, figures.read_p95 = await read_children(network, max(50, int(200 * scale)))
    stage("claims")
    rates |= await measures.claim_rates(network, claims)
    stage("the worker")
    rates["worker"] = await measures.worker(network, backlog)
    stage("the worker, bare")
    rates["bare worker"] = await measures.bare_worker(network, backlog)
    stage(f"the whole path, {day} referrals")
    figures.day_seconds, figures.processor = await measures.whole_path(network, day)
    figures.day_count = day
    rates["whole path"] = day / figures.day_seconds
    return figures


async def measure_posts(network: BenchNetwork, scale: float, say: Progress) -> measures.Figures:
    """Of submissions only: intake's POST beside the bare one, and the way to the feed."""
    figures, count = measures.Figures(), int(3000 * scale)
    say.update(say.task_ids[0], description="POST, bare")
    figures.rates["bare POST"] = await measures.bare_posts(network, count)
    say.update(say.task_ids[0], description="POST, intake")
    figures.rates["intake POST"] = await measures.intake_posts(network, count)
    say.update(say.task_ids[0], description="from a POST to the feed")
    figures.p50, figures.p99 = await measures.latency(network, int(500 * scale), rate=50)
    return figures


SQL = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def show(figures: measures.Figures, sql: str) -> None:
    rates, machine = figures.rates, f"{os.cpu_count()} cores, Python {platform.python_version()}"
    table = Table(title=f"Joldama's speed, one run: {machine}, {SQL[sql]}")
    for column in ("what", "a second", "the bare part", "a second", "ratio"):
        table.add_column(column, justify="left" if column in ("what", "the bare part") else "right")
    for ours, bare in (
        ("intake POST", "bare POST"),
        ("worker", "bare worker"),
        ("claims held", "bare claims"),
        ("claims waiting", "bare claims"),
        ("whole path", slowest(rates)),
    ):
        ratio = rates[ours] / rates[bare]
        table.add_row(ours, f"{rates[ours]:,.0f}", bare, f"{rates[bare]:,.0f}", f"{ratio:.0%}")
    console = Console()
    console.print(table)
    show_times(figures, console)


def show_times(figures: measures.Figures, console: Console) -> None:
    console.print(f"From a POST to the feed's event: p50 {figures.p50 * 1000:.0f} ms, p99 {figures.p99 * 1000:.0f} ms.")
    console.print(
        f"A child read as its polyclinic: p50 {figures.read_p50 * 1000:.1f} ms, p95 {figures.read_p95 * 1000:.1f} ms."
    )
    day = figures.day_seconds * measures.DAY / figures.day_count
    how = "measured" if figures.day_count == measures.DAY else f"from {figures.day_count:,} referrals"
    console.print(f"One day of the English e-Referral Service, {measures.DAY:,} referrals: {day:.0f} s ({how}).")
    parts = ", ".join(f"{name} {one:.2f}" for name, one in sorted(figures.processor.items(), key=lambda part: -part[1]))
    console.print(f"Processor time a referral on that path: {sum(figures.processor.values()):.2f} ms ({parts}).")


def slowest(rates: dict[str, float]) -> str:
    """The slowest bare part, with which the whole path is compared."""
    return min(("bare POST", "bare worker", "bare claims"), key=rates.__getitem__)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: shows that it runs, not how fast")
    parser.add_argument("--json", action="store_true", help="the figures as JSON on standard output")
    parser.add_argument(
        "--posts", action="store_true", help="of submissions only: POST and the way to the feed, as JSON"
    )
    parser.add_argument("--sql", choices=SQL, default="sqlite", help="where the records are (sqlite)")
    options = parser.parse_args()
    scale, day = (0.1, 2000) if options.quick else (1.0, measures.DAY)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        progress.add_task("starting the network")
        with running_network(options.sql) as network:
            part = measure_posts(network, scale, progress) if options.posts else measure(network, scale, day, progress)
            figures = asyncio.run(part)
    if options.json or options.posts:
        sys.stdout.write(json.dumps(vars(figures), indent=2) + "\n")
    else:
        show(figures, options.sql)


if __name__ == "__main__":
    main()
