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
from tests.chaos.feed import Follower
from tests.chaos.ground import ground
from tests.chaos.run import Outcome, Stage
from tests.chaos.scenario import scenario
from tests.support.postgres import installed

KEPT = "kept"
ONLY_POSTGRES = "PostgreSQL restarted, and its connection cut, are left out"


def main() -> int:
    options = _options()
    for one in (signal.SIGTERM, signal.SIGINT):  # whatever is running is ended with this process
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that Kafka is away is what was wanted
    with_postgres = not options.sqlite and installed()
    database = "PostgreSQL" if with_postgres else f"SQLite ({ONLY_POSTGRES})"
    say(f"{options.runs} runs from seed {options.seed} on {database}")
    outcomes: list[Outcome] = []
    while len(outcomes) < options.runs:
        first = options.seed + len(outcomes)
        seeds = range(first, min(first + options.fresh_every, options.seed + options.runs))
        with _folder() as folder, ground(folder, with_postgres) as made:
            made.keep = options.keep
            asyncio.run(_runs(Stage(made, Follower(made.network)), seeds, outcomes, folder))
            if made.keep:
                (folder / KEPT).touch()
    say("\n" + report.table(outcomes, database))
    return int(any(not one.ok for one in outcomes))


async def _runs(stage: Stage, seeds: Iterable[int], outcomes: list[Outcome], folder: Path) -> None:
    """The runs on one network, until one fails: what that one has left is kept."""
    await country.found(stage.ground.network)
    following = asyncio.create_task(stage.follower.run())
    try:
        for seed in seeds:
            outcome = await stage.run(scenario(seed))
            outcomes.append(outcome)
            say(report.line(len(outcomes), outcome))
            if not outcome.ok:
                say(report.failure(outcome, str(folder)))
                stage.ground.keep = True
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
    parser.add_argument("--sqlite", action="store_true", help="do not use PostgreSQL")
    return parser.parse_args()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that goes at the end, unless somebody has put the word KEPT in."""
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
