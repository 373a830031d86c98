"""Output: tables, colors and moments, on a terminal and through a pipe. Colors follow NO_COLOR."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NoReturn

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from services.cli.failures import visible
from services.cli.streams import json_line
from services.contracts.days import ALMATY

_STATES = {
    "offered": "cyan", "made": "cyan", "seen": "blue", "accepted": "green", "admitted": "green", "completed": "green",
    "waiting": "yellow", "unplaceable": "red", "declined": "red", "expired": "red", "cancelled": "dim",
    "withdrawn": "dim", "no_show": "red", "missed": "red",
    "open": "red", "retrying": "yellow", "settled": "green", "discarded": "dim",
}  # fmt: skip
_GAP = 2
"""Characters between columns."""
_WIDE = 160
"""The width of a pipe or a file, in characters, when COLUMNS is not set."""


class Paper(Console):
    """A console on which a closed pipe ends the command, and text has no control characters but our own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for one in super().render(renderable, options):
            yield one if one.control else Segment(visible(one.text), one.style)

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def paper(*, error: bool = False) -> Paper:
    """A console on the current standard output, or error."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else _WIDE
    return Paper(file=stream, width=width, highlight=False, soft_wrap=False)


def show(found: Any, draw: Callable[[Any], RenderableType], json: bool) -> None:
    """Print `found` as JSON, or else as `draw` shows it."""
    if json:
        return print_json(found)
    drawn = draw(found)
    paper().print(drawn, markup=False, soft_wrap=isinstance(drawn, str))


def print_json(value: Any) -> None:
    """One JSON document on standard output, on one line."""
    sys.stdout.write(json_line(value, sys.stdout))
    sys.stdout.flush()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> Group:
    """A table with a title; columns of numbers, and those in `right`, are aligned to the right.

    Only at spaces is a cell broken over lines, so that ids can be copied: where that is too wide, each row is a block
    with a line for each column.
    """
    values = [list(row) for row in rows]
    numeric = [
        column in right or any(isinstance(row[number], int | float) for row in values)
        for number, column in enumerate(columns)
    ]
    made = _Rows(columns, [[_cell(value) for value in row] for row in values], numeric)
    return Group(*([Text(title, style="bold")] if title else []), made)


class _Rows:
    """Rows, as wide as the console allows."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Text]], numeric: Sequence[bool]) -> None:
        self._columns, self._rows, self._numeric = columns, rows, numeric

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[RenderableType]:
        widths = self._widths(options.max_width - _GAP * (len(self._columns) - 1))
        if widths or not any(self._columns):
            yield self._table(widths)
        else:
            yield from self._blocks()

    def _widths(self, available: int) -> list[int]:
        """The columns' widths; empty when a word would have to be broken. The widest ones give way."""
        texts = [[column, *(row[n].plain for row in self._rows)] for n, column in enumerate(self._columns)]
        least = [max((cell_len(word) for text in column for word in text.split()), default=0) for column in texts]
        widths = [max(cell_len(line) for text in column for line in text.split("\n")) for column in texts]
        if sum(least) > available:
            return []
        while sum(widths) > available:
            widest = max((n for n, width in enumerate(widths) if width > least[n]), key=widths.__getitem__)
            widths[widest] -= 1
        return widths

    def _table(self, widths: Sequence[int]) -> Table:
        made = Table(
            header_style="bold", show_header=any(self._columns), box=None, pad_edge=False, padding=(0, _GAP, 0, 0)
        )
        for number, column in enumerate(self._columns):
            justify: Literal["left", "right"] = "right" if self._numeric[number] else "left"
            made.add_column(column, justify=justify, overflow="fold", width=widths[number] if widths else None)
        for row in self._rows:
            made.add_row(*row)
        return made

    def _blocks(self) -> Iterable[RenderableType]:
        for number, row in enumerate(self._rows):
            block = Table(show_header=False, box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
            block.add_column(style="bold", no_wrap=True)
            block.add_column(overflow="fold")
            for name, cell in zip(self._columns, row, strict=True):
                block.add_row(name, cell)
            if number:
                yield Text()
            yield block


def listing(title: str, found: Iterable[Any], columns: str, **made: Callable[[Any], object]) -> Group:
    """A table with a row for each item. `columns` are fields or `head=field`; `made` computes the cells of its heads.

    Fields ending in `_at` are shown as local moments, states in their colors.
    """
    pairs = [(head, field or head) for head, _, field in (column.partition("=") for column in columns.split())]
    rows = [[made[head](one) if head in made else _field(one, field) for head, field in pairs] for one in found]
    return table(title, [head.replace("_", " ") for head, _ in pairs], rows)


def _field(item: Any, name: str) -> object:
    value = item.get(name)
    return moment(value) if name.endswith("_at") else state(value) if name == "state" else value


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    text = "" if value is None else kilometers(value) if isinstance(value, float) else str(value)
    return Text(visible(text))  # before its width is measured


def state(word: object) -> Text:
    return Text(str(word), style=_STATES.get(str(word), ""))


def kilometers(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def spaced(code: str | None) -> str:
    """A code such as `no_places` as words."""
    return (code or "").replace("_", " ")


def moment(value: str | None) -> str:
    """A moment (ISO 8601) in Kazakhstan's time, to the minute."""
    return datetime.fromisoformat(value).astimezone(ALMATY).strftime("%Y-%m-%d %H:%M+05") if value else ""
