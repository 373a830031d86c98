"""What a referral costs as the network grows, in processor time, and what a second worker brings.

python -m tests.bench.scale workers [--count 4000]
python -m tests.bench.scale past [--to 1000000] | waiting [--to 100000] | centers [--to 1000]

Processor time (user and system) does not see how many cores there are: where two workers share two cores with all other
processes they are no faster, but each second of work is one that a machine with more cores does beside the others. What
two workers share (capacity, the servers, a relay, SQLite's one writer) bounds the rate by its own time a referral.
"""

import argparse
import asyncio
import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from services.kit.settings import CHECKOUT
from services.local.parts import answers_ready, shared_environment
from services.local.ports import Ports
from tests.bench.country import fill, grow
from tests.bench.measures import pending, quiet, routed, submit_lines
from tests.bench.network import BenchNetwork, running_network, submissions, until

ALONE = ("capacity", "valkey", "referral-relay", "intake-relay", "capacity-relay", "kafka")
"""Processes of which there is one, however many workers there are."""
Cost = dict[str, float]
"""Milliseconds of processor time a referral, by part."""


def _used(processes: Mapping[str, psutil.Process]) -> Cost:
    """Seconds by part, and of each worker those of its threads beside the loop: SQL."""
    found = {name: sum(one.cpu_times()[:2]) for name, one in processes.items()}
    for name, one in processes.items():
        if name.startswith("referral-worker"):
            others = (thread for thread in one.threads() if thread.id != one.pid)
            found[f"{name}, SQL"] = sum(thread.user_time + thread.system_time for thread in others)
    return found


def _processes(network: BenchNetwork) -> dict[str, psutil.Process]:
    return {part.name: psutil.Process(network.network.pid(part.name)) for part in network.network.parts}


async def cost(network: BenchNetwork, count: int, seed: int, more: Mapping[str, psutil.Process]) -> Cost:
    """Of `count` referrals that come to intake at once; `more` processes are counted beside the network's."""
    await quiet(network)
    processes = _processes(network) | dict(more)
    before, had = _used(processes), routed(network)
    await asyncio.to_thread(submit_lines, network, submissions(count, seed=seed))
    await quiet(network)
    done, after = routed(network) - had, _used(processes)
    return {name: round(1000 * (after[name] - before.get(name, 0)) / done, 3) for name in after}


@contextmanager
def second_worker(network: BenchNetwork) -> Iterator[psutil.Process]:
    """Another worker of the same group, with ports of its own."""
    part = next(one for one in network.network.parts if one.name == "referral-worker")
    with Ports() as ports:
        own = {"JOLDAMA_WORKER_INSTANCE": "2"}
        own |= {name: str(ports.choose()) for name in ("JOLDAMA_PORT", "JOLDAMA_INSIDE_PORT")}
        known = {**os.environ, **shared_environment(network.plan), **part.environment, **own}
        worker = psutil.Popen(part.command, cwd=part.folder, env=known)
        try:
            until(lambda: answers_ready(int(own["JOLDAMA_INSIDE_PORT"])), "the second worker is ready", 60)
            yield worker
        finally:
            worker.terminate()
            worker.wait(20)


async def workers(network: BenchNetwork, count: int) -> dict[str, object]:
    """One worker, two, and one again; the rate of each kind by the time of its busiest thread."""
    one = await cost(network, count, 31, {})
    with second_worker(network) as second:
        await asyncio.to_thread(_both_work, network, second)
        two = await cost(network, count, 32, {"referral-worker 2": second})
    again = await cost(network, count, 33, {})
    single = {name: (one[name] + again[name]) / 2 for name in one}
    rates = rate(single), rate(two)
    return {
        "one": one, "two": two, "one again": again,
        "a second by one and by two": [round(1000 / each) for each in rates],
        "two against one": round(rates[0] / rates[1], 2),
    }  # fmt: skip


def rate(found: Cost) -> float:
    """Milliseconds between two referrals when each process has a core: those of the busiest part."""
    busiest = max(value for name, value in found.items() if name.startswith("referral-worker"))
    sql = sum(value for name, value in found.items() if name.endswith("SQL"))
    return max(busiest, sql, *(found[name] for name in ALONE))


def _both_work(network: BenchNetwork, second: psutil.Process) -> None:
    """Until the partitions are shared: the second worker works."""
    seed = 40

    def shares() -> bool:
        nonlocal seed
        seed, before = seed + 1, sum(second.cpu_times()[:2])
        submit_lines(network, submissions(200, seed=seed))
        until(lambda: pending(network, "intake") == 0, "intake's outbox is empty")
        return sum(second.cpu_times()[:2]) - before > 0.1

    until(shares, "the second worker has partitions", 60, every=1)


async def grown(network: BenchNetwork, what: str, to: int, count: int) -> dict[str, object]:
    """Before and after the past, or who waits, has grown; all places are taken, so each new one waits."""
    start = await fill(network, 0, 10_000 if what == "past" else 0)
    before = [await cost(network, count, seed, {}) for seed in (51, 52)]
    after_fill = grow(network, to if what == "waiting" else 0, to if what == "past" else 0)
    after = [await cost(network, count, seed, {}) for seed in (53, 54)]
    sizes = {"before": vars_of(start.referrals, start.waiting), "after": vars_of(after_fill.referrals, to)}
    return {"sizes": sizes, "before": before, "after": after, "ratio": _ratio(before, after)}


def vars_of(referrals: int, waiting: int) -> dict[str, int]:
    return {"referrals": referrals, "to": waiting}


def _ratio(before: list[Cost], after: list[Cost]) -> Cost:
    """By part, and of all."""
    first, last = ({name: sum(one[name] for one in costs) for name in costs[0]} for costs in (before, after))
    whole = {name: value for name, value in first.items() if not name.endswith("SQL")}
    found = {name: round(last[name] / first[name], 2) for name in first if first[name] > 0.01}
    return found | {"all": round(sum(last[name] for name in whole) / sum(whole.values()), 2)}


def more_centers(folder: Path, count: int) -> None:
    """The reference data with the centers of `data/` again and again, until there are so many."""
    for one in (CHECKOUT / "data").iterdir():
        if one.is_file() and one.suffix != ".md" and one.name not in {"centers.csv", "programmes.csv"}:
            (folder / one.name).symlink_to(one)
    read = {name: list(csv.DictReader((CHECKOUT / "data" / name).open())) for name in ("centers.csv", "programmes.csv")}
    times = -(-count // len(read["centers.csv"]))
    for name, rows in read.items():
        with (folder / name).open("w", newline="") as file:
            out = csv.DictWriter(file, rows[0].keys())
            out.writeheader()
            for again in range(times):
                for row in rows:
                    changed = {key: f"{row[key]}-{again}" for key in ("id", "center_id") if again and key in row}
                    out.writerow(row | changed)


async def with_centers(network: BenchNetwork, count: int) -> list[Cost]:
    return [await cost(network, count, seed, {}) for seed in (61, 62, 63)]


def measure(options: argparse.Namespace) -> dict[str, object]:
    if options.what != "centers":
        with running_network() as network:
            if options.what == "workers":
                return asyncio.run(workers(network, options.count))
            return asyncio.run(grown(network, options.what, options.to, options.count))
    with running_network() as network:
        few = asyncio.run(with_centers(network, options.count))
    with tempfile.TemporaryDirectory() as folder:
        more_centers(Path(folder), options.to)
        os.environ["JOLDAMA_DATA"] = folder
        with running_network() as network:
            many = asyncio.run(with_centers(network, options.count))
    return {"few": few, "many": many, "ratio": _ratio(few, many)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("what", choices=("workers", "past", "waiting", "centers"))
    parser.add_argument("--count", type=int, default=4_000, help="referrals of one measurement")
    parser.add_argument("--to", type=int, default=100_000, help="how far it grows")
    sys.stdout.write(json.dumps(measure(parser.parse_args()), indent=1) + "\n")


if __name__ == "__main__":
    main()
