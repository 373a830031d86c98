"""`make quality`: simulated months of the country, policies side by side and beside the best in hindsight."""

import argparse
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.contracts.reference import read_regions
from services.kit.settings import CHECKOUT
from tests.quality.country import read_country
from tests.quality.report import markdown
from tests.quality.runs import START, compare, make_run

LOADS = (0.7, 0.95, 1.1)
LINES = 10
"""Of the table of one load."""


def main() -> None:
    options = _options()
    data = CHECKOUT / "data"
    country = read_country(data, START)
    names = {one.id: one.names[2] for one in read_regions(data)}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tables = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(options.load) * (LINES + 1))
        for load in options.load:

            def advance(text: str, load: float = load) -> None:
                progress.update(task, advance=1, description=f"load {load}: {text}")

            advance("children")
            run = make_run(country, data, load, options.months, options.seed)
            tables.append(markdown(load, run, compare(run, advance), names))
    sys.stdout.write("\n\n".join(tables) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make quality", description=__doc__)
    parser.add_argument("--months", type=int, default=3, help="months of 30 days (3)")
    parser.add_argument(
        "--load", type=float, nargs="+", default=LOADS, help="shares of the places' time (0.7 0.95 1.1)"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same table (1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
