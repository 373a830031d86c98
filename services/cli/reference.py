"""The reference data on this machine: names of codes and settlements. Without it, commands show the codes."""

import csv
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

CHECKOUT_DATA = Path(__file__).resolve().parents[2] / "data"
DataOption = Annotated[
    Path | None, typer.Option(envvar="JOLDAMA_DATA", help="Reference data.", show_default="the checkout's")
]
KINDS = {"decline": "decline", "no-show": "no_show", "cancel": "cancel", "discharge": "outcome"}
"""The kind of codes in reasons.csv for each command that needs one."""


def data_folder() -> Path:
    """The folder of the reference data: `JOLDAMA_DATA`, or the checkout's."""
    return Path(os.environ.get("JOLDAMA_DATA") or CHECKOUT_DATA)


def codes(command: str) -> dict[str, str]:
    """The codes of `command` in reasons.csv with their English names; empty without the file."""
    return {row["code"]: row["name_en"] for row in _rows("reasons.csv") if row["kind"] == KINDS.get(command)}


def listed_codes(command: str) -> str | None:
    """The codes of `command` in one sentence, for its help; None when it needs none."""
    listed = [f"{code} ({name})" for code, name in codes(command).items()] if command in KINDS else []
    return f"Codes: {', '.join(listed)}." if listed else None


def settlement_name(id: str | None) -> str | None:
    """The settlement's English name and id, as in settlements.csv; only the id when it is not there."""
    names = (row["name_en"] for row in _rows("settlements.csv") if row["id"] == id)
    return f"{name} ({id})" if (name := next(names, None)) else id


def _rows(name: str) -> Iterator[dict[str, str]]:
    try:
        with (data_folder() / name).open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file, restval=""):
                yield defaultdict(str, row)
    except (OSError, csv.Error, UnicodeDecodeError):
        return
