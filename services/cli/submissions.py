"""Reading a file of submissions in parts of whole records, one part in memory at a time."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import PurePath
from typing import IO, NamedTuple

from services.cli.failures import ExitCode, Failure

LONGEST_LINE = 64 * 1024
"""Bytes; intake refuses a longer line."""
_DELIMITERS = (",", ";", "\t")  # a spreadsheet in Kazakhstan or Russia saves its CSV with semicolons
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
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
        self._first = self._read_line().removeprefix(_BYTE_ORDER_MARK)
        self.kind = kind or _EXTENSIONS.get(PurePath(name).suffix.lower()) or _sniff(self._first)

    def parts(self, size: int) -> Iterator[Part]:
        """Parts of at most `size` records. Raises Failure (usage) at a line that cannot be read."""
        if b"\0" in self._first or self._first.startswith(_BINARY):
            raise _neither()
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
        delimiter = max(_DELIMITERS, key=lambda sign: self._first.count(sign.encode()))
        rows = self._numbered(csv.reader(self._text(), delimiter=delimiter, strict=True))
        _, header = next(rows, (1, []))
        if header and set(_columns()).isdisjoint(name.strip().lower() for name in header):
            raise _neither()
        return _written(header), (Record(line, _written(row)) for line, row in rows)

    def _text(self) -> Iterator[str]:
        for line in self._lines():
            try:
                yield line.decode()
            except UnicodeDecodeError:
                if self._number == 1:
                    raise _neither() from None  # a header is ASCII
                raise _unreadable(self._number, "is not UTF-8: save the file as CSV UTF-8") from None

    def _numbered(self, rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, each with the line on which the row begins."""
        while True:
            begins = self._number + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise _unreadable(begins, f"is no CSV: {error}") from None
            if any(map(str.strip, row)):
                yield begins, row


def _sniff(first: bytes) -> Format:
    return Format.NDJSON if first.lstrip().startswith((b"{", b"[")) or not first.strip() else Format.CSV


def _written(row: list[str]) -> bytes:
    """The row as intake reads it: with commas, and without line breaks in cells."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(" ".join(cell.splitlines()) for cell in row)
    return out.getvalue().encode()


def _columns() -> tuple[str, ...]:
    from services.contracts.submissions import CSV_COLUMNS  # imports pydantic, which NDJSON does not need

    return CSV_COLUMNS


def header_needed() -> str:
    return f"The first line of a CSV must be the header: {', '.join(_columns())}"


def _neither() -> Failure:
    return Failure(ExitCode.USAGE, f"The file is neither NDJSON nor CSV with a header.\n{header_needed()}")


def _unreadable(line: int, why: str) -> Failure:
    return Failure(ExitCode.USAGE, f"line {line} {why}. Nothing from there on was sent.")
