"""What a second worker brings: processor time a referral of one worker, and of two that share record and Valkey.

python -m tests.bench.workers [--count 3000]

Processor time does not see how many cores there are: where two workers share two cores they are no faster, but what one
does takes no time from the other on a machine with more. So two bring twice the referrals as far as a referral costs
each the same, and as far as what they share is not used up: Valkey's one thread, and SQLite's one writer, which
PostgreSQL has not. Three times one worker, then two; the median counts, for other programs disturb.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import psutil

from services.contracts.reference import read_centers
from services.kit.errors import Conflict, TransientError
from services.local.ports import Ports
from tests.bench.growth import BATCH, DATA, FIRST, Bench, opened
from tests.support.servers import Server, new_server

TRIES = 1_000
"""Of one batch."""


async def work(folder: Path, valkey: str, count: int, first: int) -> dict[str, Any]:
    """One worker's part: `count` children from number `first` on."""
    again, process = 0, psutil.Process()
    async with opened(folder, valkey) as country:
        bench = Bench(country, process, BATCH, first)
        await bench.route(BATCH)  # what the first batch reads for all
        began, used, sql = time.perf_counter(), time.process_time(), _sql(process)
        for _ in range(0, count, BATCH):
            batch = bench.batch()
            for left in reversed(range(TRIES)):
                try:
                    await country.service.reactions("worker", batch)
                    break
                except (Conflict, TransientError):  # as the consumer does it
                    again += 1
                    if not left:  # a server that is gone
                        raise
        each = {"ms": time.process_time() - used, "ms of SQL": _sql(process) - sql}
        found = {name: round(1000 * seconds / count, 3) for name, seconds in each.items()}
        return found | {"batches again": again, "seconds": round(time.perf_counter() - began, 1)}


def _sql(process: psutil.Process) -> float:
    """Seconds of the threads beside the loop."""
    others = [one for one in process.threads() if one.id != process.pid]
    return float(sum(one.user_time + one.system_time for one in others))


def together(folder: Path, server: Server, count: int, firsts: list[int]) -> dict[str, Any]:
    """So many workers at once; and Valkey's time a referral of all."""
    valkey, started = psutil.Process(server.pid), []
    before = sum(valkey.cpu_times()[:2])
    for first in firsts:
        command = (sys.executable, "-m", "tests.bench.workers", "--folder", folder, "--valkey", server.address)
        more = ("--count", str(count), "--first", str(first))
        started.append(subprocess.Popen((*command, *more), stdout=subprocess.PIPE, env=os.environ))
    found = [json.loads(one.communicate()[0].splitlines()[-1]) for one in started]  # behind lines of the log
    spent = sum(valkey.cpu_times()[:2]) - before
    return {"workers": found, "valkey ms": round(1000 * spent / (len(firsts) * (count + BATCH)), 3)}


async def prepare(folder: Path, server: Server) -> None:
    """The country's centers, and children who wait already."""
    async with opened(folder, server.address) as country:
        bench = Bench(country, psutil.Process(server.pid), BATCH)
        await bench.register(len(read_centers(DATA)))
        await bench.route(FIRST)


def measure(folder: Path, server: Server, count: int) -> dict[str, Any]:
    asyncio.run(prepare(folder, server))
    found: dict[str, Any] = {"one": [], "two": []}
    for number in range(1, 4):
        found["one"].append(together(folder, server, count, [number * 10_000_000]))
        found["two"].append(
            together(folder, server, count, [number * 10_000_000 + 1_000_000 * part for part in (1, 2)])
        )
    alone, each = (
        median(mean(part["ms"] for part in one["workers"]) for one in found[name]) for name in ("one", "two")
    )
    return found | {"two against one": round(2 * alone / each, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.workers", description=__doc__)
    parser.add_argument("--count", type=int, default=3_000, help="referrals a worker")
    for name in ("--folder", "--valkey", "--first"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        found = asyncio.run(work(Path(options.folder), options.valkey, options.count, int(options.first)))
    else:
        with tempfile.TemporaryDirectory() as name, Ports() as ports:
            server = new_server("valkey", Path(name, "valkey"), ports).start()
            try:
                found = measure(Path(name), server, options.count)
            finally:
                server.stop()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
