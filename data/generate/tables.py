"""Reading the hand-written inputs and writing the committed tables."""

import csv
from collections.abc import Sequence
from pathlib import Path

INPUT = Path(__file__).parent / "input"
Row = dict[str, str | int | float]


def read(name: str) -> list[dict[str, str]]:
    with (INPUT / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write `rows`, all with the same keys, as UTF-8 CSV with a header and line feeds."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
