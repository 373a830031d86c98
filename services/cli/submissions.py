"""Reading a file of submissions in parts of whole records, one part in memory at a time."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import PurePath
from typing import IO, NamedTuple, Self

from services.cli.failures import ExitCode, Failure
from services.contracts.csv_rows import BYTE_ORDER_MARK, delimiter_of, is_blank

LONGEST_LINE = 64 * 1024
"""Bytes; intake refuses a longer line."""
LONGEST_ROW = 20
"""Lines of a row of CSV; a quotation mark that is not closed by then is taken for a mistake."""
_MOST_MODALITIES = 4
_BINARY = (b"PK\3\4", b"%PDF-", b"\x1f\x8b")
"""The first bytes of a spreadsheet file, a PDF and an archive."""


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


MEDIA_TYPES = {Format.NDJSON: "application/x-ndjson", Format.CSV: "text/csv"}
_EXTENSIONS = {".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON, ".json": Format.NDJSON, ".csv": Format.CSV}


class Record(NamedTuple):
    """One submission of the file; `line` is the line on which it begins, from 1."""

    line: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive records, and the number of bytes of the file up to their end."""

    records: list[Record]
    read: int
    header: bytes = b""

    @property
    def body(self) -> bytes:
        return self.header + b"".join(record.content for record in self.records)


class Submissions:
    """The submissions of `source`, in the format `kind`, or that of the extension of `name`, or of the first line."""

    def __init__(self, source: IO[bytes], name: str, kind: Format | None = None) -> None:
        self._source, self._number, self._read = source, 0, 0
        self._first = self._read_line().removeprefix(BYTE_ORDER_MARK)
        self.kind = kind or _EXTENSIONS.get(PurePath(name).suffix.lower()) or _sniff(self._first)

    def parts(self, size: int) -> Iterator[Part]:
        """Parts of at most `size` records. Raises Failure (usage) when the file is neither NDJSON nor CSV.

        A record that cannot be read is sent as it is: intake says what is wrong with it.
        """
        if b"\0" in self._first or self._first.startswith(_BINARY) or b"\r" in self._first.rstrip(b"\r\n"):
            raise _neither()  # with carriage returns only, as an old Macintosh has them, all of it would be one line
        header, records = self._rows() if self.kind is Format.CSV else (b"", self._objects())
        while part := list(islice(records, size)):
            yield Part(part, self._read, header)

    def _lines(self) -> Iterator[bytes]:
        line = self._first
        while line:
            self._number += 1
            yield line
            line = self._read_line()

    def _read_line(self) -> bytes:
        """The next line; a line that is too long is cut, but not so far that intake would accept it."""
        line = rest = self._source.readline(LONGEST_LINE + 2)
        self._read += len(line)
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = self._source.readline(LONGEST_LINE + 2)
            self._read += len(rest)
        return line

    def _objects(self) -> Iterator[Record]:
        for line in self._lines():
            if content := line.strip():
                yield Record(self._number, content + b"\n")

    def _rows(self) -> tuple[bytes, Iterator[Record]]:
        lines = _Lookahead((self._number, line) for line in self._lines() if not is_blank(line))
        _, header = next(lines, (1, b""))
        delimiter = delimiter_of(header)
        columns = header.decode("utf-8", "replace").split(delimiter)
        columns = [name.strip('\r\n\xa0" ').lower() for name in columns]
        if header and set(_columns()).isdisjoint(columns):
            raise _neither()
        shape = _Shape(delimiter, columns)
        return _ended(header), (_record(line, lines, shape) for line in lines)


class _Lookahead:
    """The numbered lines of a file; some can be looked at before they are taken."""

    def __init__(self, lines: Iterator[tuple[int, bytes]]) -> None:
        self._lines, self._next = lines, deque[tuple[int, bytes]]()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[int, bytes]:
        return self._next.popleft() if self._next else next(self._lines)

    def look(self, count: int) -> list[bytes]:
        """The next lines, at most `count`."""
        self._next += islice(self._lines, count - len(self._next))
        return [line for _, line in islice(self._next, count)]

    def drop(self, count: int) -> None:
        for _ in range(count):
            self._next.popleft()


class _Shape(NamedTuple):
    """What stands between the cells of a file's rows, and the names of its columns."""

    delimiter: str
    columns: list[str]

    def fits(self, row: list[str]) -> bool:
        """Whether a row over several lines is one: a cell with a line break that holds cells has swallowed a row."""
        return (
            len(row) >= len(self.columns)
            and not any(row[len(self.columns) :])
            and not any(
                "\n" in cell and cell.count(self.delimiter) > (_MOST_MODALITIES - 1 if name == "modalities" else 0)
                for name, cell in zip(self.columns, row, strict=False)
            )
        )


def _record(numbered: tuple[int, bytes], lines: _Lookahead, shape: _Shape) -> Record:
    """The row that begins with that line, and ends some lines later when a cell in quotes has line breaks.

    A quotation mark that nothing closes costs its own line: it is sent as it is, and intake refuses it.
    """
    number, line = numbered
    quotes, text = line.count(b'"'), line
    for taken, more in enumerate(lines.look(LONGEST_ROW) if quotes % 2 else (), 1):
        quotes, text = quotes + more.count(b'"'), text + more
        if quotes % 2 == 0 and (row := _read_row(text, shape.delimiter)) and shape.fits(row):
            lines.drop(taken)
            return Record(number, _written(row, shape.delimiter))
    return Record(number, _ended(line))


def _read_row(text: bytes, delimiter: str) -> list[str] | None:
    """The cells of one whole row; bytes that are not UTF-8 are left to intake."""
    lines = io.StringIO(text.decode("utf-8", "surrogateescape"), newline="")
    try:
        row, *others = csv.reader(lines, delimiter=delimiter, strict=True)
    except csv.Error:
        return None
    return None if others else row


def _written(row: list[str], delimiter: str) -> bytes:
    """The row without line breaks in cells."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(" ".join(cell.splitlines()) for cell in row)
    return out.getvalue().encode("utf-8", "surrogateescape")


def _ended(line: bytes) -> bytes:
    return line.rstrip(b"\r\n") + b"\n"


def _sniff(first: bytes) -> Format:
    return Format.NDJSON if first.lstrip().startswith((b"{", b"[")) or not first.strip() else Format.CSV


def _columns() -> tuple[str, ...]:
    from services.contracts.submissions import CSV_COLUMNS  # imports pydantic, which NDJSON does not need

    return CSV_COLUMNS


def header_needed() -> str:
    return f"The first line of a CSV must be the header: {', '.join(_columns())}"


def _neither() -> Failure:
    return Failure(
        ExitCode.USAGE,
        f"The file is neither NDJSON nor CSV with a header. A spreadsheet saves it as CSV UTF-8.\n{header_needed()}",
    )
