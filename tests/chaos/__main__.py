"""`python -m tests.chaos`: seeded runs of the whole network under load, with faults; exit code 1 when one fails."""

import argparse
import asyncio
import logging
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.chaos import country, report
from tests.chaos.feed import FeedFollower
from tests.chaos.run import Outcome, Runner
from tests.chaos.scenario import Scenario, doubled, scenario
from tests.chaos.testbed import running_testbed
from tests.support.postgres import installed

KEPT = "kept"
ONLY_POSTGRES = "PostgreSQL restarted, and its connection cut, are skipped"


def main() -> int:
    options = _options()
    for one in (signal.SIGTERM, signal.SIGINT):  # its own processes end with it
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # Kafka is taken away on purpose
    with_postgres = options.sql != "sqlite" and installed()
    if options.sql == "postgresql" and not with_postgres:
        return 1  # deploy/test-postgres has said why
    database = "PostgreSQL" if with_postgres else f"SQLite ({ONLY_POSTGRES})"
    say(f"{options.runs} runs from seed {options.seed} on {database}")
    outcomes: list[Outcome] = []
    while len(outcomes) < options.runs:
        first = options.seed + len(outcomes)
        seeds = range(first, min(first + options.fresh_every, options.seed + options.runs))
        with _folder() as folder, running_testbed(folder, with_postgres, twice=options.twice) as bed:
            bed.keep = options.keep
            scenarios = (doubled(scenario(seed)) if options.twice else scenario(seed) for seed in seeds)
            asyncio.run(_run_all(Runner(bed, FeedFollower(bed.network)), scenarios, outcomes, folder))
            if bed.keep:
                (folder / KEPT).touch()
    say("\n" + report.table(outcomes, database))
    return int(any(not one.ok for one in outcomes))


async def _run_all(runner: Runner, scenarios: Iterable[Scenario], outcomes: list[Outcome], folder: Path) -> None:
    """The runs on one network, until one fails; its folder is kept."""
    await country.register(runner.bed.network)
    following = asyncio.create_task(runner.follower.run())
    try:
        for one in scenarios:
            outcome = await runner.run(one)
            outcomes.append(outcome)
            say(report.line(len(outcomes), outcome))
            if not outcome.ok:
                say(report.failure(outcome, str(folder)))
                runner.bed.keep = True
                return
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="how many seeds (100)")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--fresh-every", type=int, default=10, help="runs on one network (10)")
    parser.add_argument("--keep", action="store_true", help="keep every network's folder, also when all went well")
    parser.add_argument("--sql", choices=("postgresql", "sqlite"), help="the database (PostgreSQL if it can be)")
    parser.add_argument("--twice", action="store_true", help="each process of the services has a double")
    return parser.parse_args()


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder, which stays when it has a file KEPT."""
    folder = Path(tempfile.mkdtemp(prefix="joldama-chaos-"))
    try:
        yield folder
    finally:
        if not (folder / KEPT).exists():
            shutil.rmtree(folder, ignore_errors=True)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
