"""A file of submissions, cut into parts of whole records. Only one part is in memory at a time."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import PurePath
from typing import IO, NamedTuple

from services.cli.failures import ExitCode, Failure

LONGEST_LINE = 64 * 1024
"""Bytes: as many as intake takes."""
_DELIMITERS = (",", ";", "\t")  # a spreadsheet in Kazakhstan or Russia saves its CSV with semicolons
_MARK = b"\xef\xbb\xbf"


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


MEDIA_TYPES = {Format.NDJSON: "application/x-ndjson", Format.CSV: "text/csv"}
_EXTENSIONS = {".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON, ".json": Format.NDJSON, ".csv": Format.CSV}


class Record(NamedTuple):
    """One submission as it stands in the file. `line` is where it begins, from 1."""

    line: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Some records, and how many bytes of the file have been read up to their end."""

    records: list[Record]
    read: int
    header: bytes = b""

    @property
    def body(self) -> bytes:
        return self.header + b"".join(record.content for record in self.records)


@dataclass
class _Lines:
    """The lines of a byte stream, numbered. One that is too long is cut, but left too long: intake refuses it."""

    source: IO[bytes]
    number: int = 0
    read: int = 0
    held: list[bytes] = field(default_factory=list)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.peek()
        if not line:
            raise StopIteration
        self.held.clear()
        self.number += 1
        return line.removeprefix(_MARK) if self.number == 1 else line

    def peek(self) -> bytes:
        """The next line, left in place; empty at the end."""
        if not self.held:
            self.held.append(self._cut())
        return self.held[0]

    def _cut(self) -> bytes:
        line = rest = self.source.readline(LONGEST_LINE + 2)
        self.read += len(line)
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = self.source.readline(LONGEST_LINE + 2)
            self.read += len(rest)
        return line


class Submissions:
    """The records of `source`; `kind` is told, or known by `name`, or by the first line."""

    def __init__(self, source: IO[bytes], name: str, kind: Format | None = None) -> None:
        self._lines = _Lines(source)
        self.kind = (
            kind or _EXTENSIONS.get(PurePath(name).suffix.lower()) or _sniff(self._lines.peek().removeprefix(_MARK))
        )

    def parts(self, size: int) -> Iterator[Part]:
        """Parts of at most `size` records; raises Failure (usage) at a line that cannot be read."""
        header = b""
        if self.kind is Format.CSV:
            header, records = self._rows()
        else:
            records = self._objects()
        while part := list(islice(records, size)):
            yield Part(part, self._lines.read, header)

    def _objects(self) -> Iterator[Record]:
        if _is_binary(self._lines.peek()):
            raise _neither()
        for line in self._lines:
            if content := line.strip():
                yield Record(self._lines.number, content + b"\n")

    def _rows(self) -> tuple[bytes, Iterator[Record]]:
        first = self._lines.peek()
        if _is_binary(first):
            raise _neither()
        delimiter = max(_DELIMITERS, key=lambda sign: first.count(sign.encode()))
        rows = csv.reader(self._text(), delimiter=delimiter, strict=True)
        numbered = self._numbered(rows)
        header = next(numbered, Record(1, b"")).content
        names = next(csv.reader([header.decode()]), [])
        if header and not any(map(_is_column, names)):
            raise _neither()
        return header, numbered

    def _text(self) -> Iterator[str]:
        for line in self._lines:
            try:
                yield line.decode()
            except UnicodeDecodeError:
                if self._lines.number == 1:
                    raise _neither() from None  # a header is ASCII
                raise _unreadable(self._lines.number, "is not UTF-8: save the file as CSV UTF-8") from None

    def _numbered(self, rows: Iterator[list[str]]) -> Iterator[Record]:
        while True:
            begins = self._lines.number + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise _unreadable(begins, f"is no CSV: {error}") from None
            if any(map(str.strip, row)):
                yield Record(begins, _written(row))


def _sniff(first: bytes) -> Format:
    return Format.NDJSON if first.lstrip().startswith((b"{", b"[")) or not first.strip() else Format.CSV


def _written(row: list[str]) -> bytes:
    """The row in intake's dialect, whatever the file's own: commas, and no line break in a cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(" ".join(cell.splitlines()) for cell in row)
    return out.getvalue().encode()


def _is_binary(first: bytes) -> bool:
    """Whether a first line is none of a text: a spreadsheet's own format, an archive, UTF-16."""
    return b"\0" in first or first.startswith((b"PK\3\4", b"%PDF-", b"\x1f\x8b"))


def _neither() -> Failure:
    return Failure(ExitCode.USAGE, f"The file is neither NDJSON nor CSV with a header.\n{header_needed()}")


def header_needed() -> str:
    from services.contracts.submissions import CSV_COLUMNS

    return f"The first line of a CSV must be the header: {', '.join(CSV_COLUMNS)}"


def _is_column(name: str) -> bool:
    from services.contracts.submissions import CSV_COLUMNS

    return name.strip().lower() in CSV_COLUMNS


def _unreadable(line: int, why: str) -> Failure:
    return Failure(ExitCode.USAGE, f"line {line} {why}. Nothing from there on was sent.")
