"""Names of codes and settlements from the reference data on this machine. Without it, codes do as well."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

_CHECKOUT_DATA = Path(__file__).resolve().parents[2] / "data"


def codes(kind: str) -> dict[str, str]:
    """The coded reasons of `kind` (reasons.csv) with their English names; empty where there is no such file."""
    return {row["code"]: row["name_en"] for row in _rows("reasons.csv") if row["kind"] == kind}


def settlement_name(id: str | None) -> str | None:
    """The settlement's English name (settlements.csv) with its id; the id alone when nothing here names it."""
    names = (row["name_en"] for row in _rows("settlements.csv") if row["id"] == id)
    return f"{name} ({id})" if (name := next(names, None)) else id


def _rows(name: str) -> Iterator[dict[str, str]]:
    try:
        with Path(os.environ.get("JOLDAMA_DATA") or _CHECKOUT_DATA, name).open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
    except OSError:
        return
