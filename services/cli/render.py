"""How things look on a terminal, and on what is none. Colors follow NO_COLOR; tables fit the width they get."""

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NoReturn

import orjson
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

_STATES = {
    "offered": "cyan", "made": "cyan", "seen": "blue", "accepted": "green", "admitted": "green", "completed": "green",
    "waiting": "yellow", "unplaceable": "red", "declined": "red", "expired": "red", "cancelled": "dim",
    "withdrawn": "dim", "no_show": "red", "missed": "red",
    "open": "red", "retrying": "yellow", "settled": "green", "discarded": "dim",
}  # fmt: skip
ALMATY = timezone(timedelta(hours=5))
"""All of Kazakhstan since March 2024."""
_WIDE = 160
"""Columns where nobody has told how wide the output is: a pipe, or a file."""


class Paper(Console):
    """A console that lets a closed pipe end the command."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def paper(*, error: bool = False) -> Paper:
    """A console on the current standard output, or error."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else _WIDE
    return Paper(file=stream, width=width, highlight=False, soft_wrap=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output, on one line."""
    sys.stdout.write(orjson.dumps(value).decode() + "\n")
    sys.stdout.flush()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> Group:
    """A table under its title; the columns in `right` hold numbers. None is an empty cell."""
    made = Table(header_style="bold", show_header=any(columns), box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row))
    return Group(*([Text(title, style="bold")] if title else []), made)


def state(word: object) -> Text:
    return Text(str(word), style=_STATES.get(str(word), ""))


def kilometers(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def moment(value: str | None) -> str:
    """A moment of an answer (ISO 8601) on Kazakhstan's clock, to the minute."""
    return datetime.fromisoformat(value).astimezone(ALMATY).strftime("%Y-%m-%d %H:%M+05") if value else ""
