"""The two formats of bulk submissions: NDJSON, and CSV with a flat row a line."""

import csv
import re
from collections.abc import Iterable
from enum import Enum, auto
from typing import Annotated, Any

from pydantic import Field

from services.contracts.csv_rows import BYTE_ORDER_MARK, delimiter_of
from services.contracts.submissions import CSV_COLUMNS, Consent, SubmissionRequest
from services.contracts.vocabulary import Modality
from services.intake.domain.field_errors import FieldError
from services.intake.domain.normalizing import OPTIONAL
from services.intake.domain.values.codes import word, words
from services.intake.handlers.parsing import Unparsed, parse, shape

_CONSENT = {f"consent_{part}": f"consent.{part}" for part in Consent.model_fields}
EXTRA_COLUMNS = {"idempotency_key", "not_duplicate_of", *_CONSENT}
"""May be there or not."""
_PATHS = {
    "iin": "child.iin",
    "full_name": "child.full_name",
    "birth_date": "child.birth_date",
    "sex": "child.sex",
    "guardian_name": "guardian.full_name",
    "guardian_phone": "guardian.phone",
    "icd10": "diagnosis.icd10",
    "gmfcs": "diagnosis.gmfcs",
    **_CONSENT,
}
_NUMBERS = {word(name) for name in ("№", "№ п/п", "п/п", "№ п.п.", "#", "No", "р/с", "№ р/с")}
_NUMBERING = "\0"
"""Stands for a column that numbers the rows, which is read over."""
_HARMLESS = re.compile(r"[a-z_]{1,40}")
_COLUMNS = {path: column for column, path in _PATHS.items()}
_OPTIONAL_COLUMNS = {_COLUMNS.get(path, path) for path in OPTIONAL}
_CYRILLIC_WORD = re.compile(r"[\u0400-\u04ff]{3,}")
_OTHER_PAGE = re.compile("[^\x00-\x7f\u00a0А-Яа-яЁёІі№«»“”„’–—…]|[а-яёі][А-ЯЁІ]")
"""What Russian and Kazakh in this code page do not have: the file is in another one (DOS, Macintosh, KOI8-R)."""
_ONE_MODALITY = [[one] for one in Modality]
_MIXED_WORD = re.compile(r"[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]")


class _Encoding(Enum):
    """How a row with more than ASCII is encoded."""

    UTF8 = auto()
    WINDOWS = auto()
    UNKNOWN = auto()


class BulkSubmission(SubmissionRequest):
    """A line of a bulk submission: a body of `POST /v1/diagnoses` with an optional idempotency key of the line."""

    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None


def begins_no_line(raw: bytes | None) -> bool:
    """Whether a file that begins with that line is a JSON array, or an object over several lines."""
    first = (raw or b"").removeprefix(BYTE_ORDER_MARK).strip()
    return first == b"{" or first.startswith(b"[")


class Ndjson:
    """One JSON object a line."""

    def read(self, raw: bytes) -> BulkSubmission:
        """The submission in a line. Raises Unparsed."""
        return parse(BulkSubmission, raw)

    def name(self, field: str) -> str:
        """The name, in this format, of the field with that dotted path."""
        return field


class WrongHeader(ValueError):
    """The first line of a CSV is not the header; `column` is the wrong or missing one."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(f"{column}: {message}")
        self.column, self.message = column, message


class Csv:
    """Rows under a header with the columns of CSV_COLUMNS in any order. A cell holds no line break.

    Cells are separated as in the header: by commas, semicolons or tabs. A column without a name is empty.
    """

    def __init__(self, header: bytes) -> None:
        """Raises WrongHeader."""
        header = header.removeprefix(BYTE_ORDER_MARK)
        self._seen: set[_Encoding] = set()
        self._delimiter = delimiter_of(header)
        try:
            columns = [str(word(cell)) for cell in _cells(header, self._delimiter)]
        except Unparsed as error:
            raise WrongHeader("header", error.errors[0].message) from None
        self._columns = [_NUMBERING if column in _NUMBERS else column for column in columns]
        for column in filter(None, self._columns):
            if column == _NUMBERING:
                continue
            if column not in CSV_COLUMNS and column not in EXTRA_COLUMNS:
                raise _no_column(column, self._columns)
            if self._columns.count(column) > 1:
                raise WrongHeader(column, "is there twice")
        for column in CSV_COLUMNS:
            if column not in self._columns and column not in _OPTIONAL_COLUMNS:
                raise WrongHeader(column, "is missing")

    def look_through(self, rows: Iterable[bytes]) -> None:
        """See how the file is encoded, before its `rows` are read: one that says nothing is as the others are."""
        self._seen |= {_encoding(raw) for raw in rows if not raw.isascii()}

    def read(self, raw: bytes) -> BulkSubmission:
        cells = self._read_cells(raw)
        if len(cells) > len(self._columns) and self._splits_modalities(cells):
            raise _refused("split_modalities", found=len(cells), expected=len(self._columns))
        while len(cells) > len(self._columns) and not cells[-1].strip():
            cells.pop()
        if not any(self._columns[len(cells) :]):  # only columns without a name are left out
            cells += [""] * (len(self._columns) - len(cells))
        if len(cells) != len(self._columns):
            raise _refused("wrong_cells", found=len(cells), expected=len(self._columns))
        for number, (column, cell) in enumerate(zip(self._columns, cells, strict=True), 1):
            if not column and cell.strip():
                raise _refused("unnamed_column", number=number)
        named = {column: cell for column, cell in zip(self._columns, cells, strict=True) if column and cell.strip()}
        named.pop(_NUMBERING, None)
        return shape(BulkSubmission, _body(named))

    def _splits_modalities(self, cells: list[str]) -> bool:
        """Whether the cell after that of modalities holds one more of them."""
        after = self._columns.index("modalities") + 1
        return words(cells[after : after + 1]) in _ONE_MODALITY

    def _read_cells(self, raw: bytes) -> list[str]:
        try:
            windows = _Encoding.WINDOWS in self._seen and _Encoding.UTF8 not in self._seen
            return _cells(raw, self._delimiter, windows)
        except Unparsed:
            number = _open_cell(_decode(raw), self._delimiter)
            columns = self._columns[number : number + 1] if number is not None else []
            if columns in ([], [""], [_NUMBERING]):
                raise
            raise Unparsed([FieldError.of(columns[0], "open_quote")]) from None

    def name(self, field: str) -> str:
        return _COLUMNS.get(field, field.partition(".")[0] if field.startswith("modalities") else field)


Format = Ndjson | Csv


def _no_column(cell: str, line: list[str]) -> WrongHeader:
    """Repeats `cell` only when other cells of the line are columns; else the line may be personal data."""
    columns = f"{', '.join(CSV_COLUMNS)}, with commas, semicolons or tabs between"
    if _HARMLESS.fullmatch(cell) and not set(CSV_COLUMNS).isdisjoint(line):
        return WrongHeader(cell, f"is no column; they are {columns}")
    return WrongHeader("header", f"the first line must be the header: {columns}")


def _refused(code: str, **given: object) -> Unparsed:
    return Unparsed([FieldError.of("line", code, **given)])


def _cells(raw: bytes, delimiter: str, windows: bool = False) -> list[str]:
    text = _decode(raw, windows).strip("\r\n")
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        raise _refused("invalid_csv") from None


def _open_cell(text: str, delimiter: str) -> int | None:
    """The position of the cell whose quotation mark nothing closes."""
    whole = re.compile(rf'(?:(?:"(?:[^"]|"")*"|[^"{delimiter}][^{delimiter}]*|){delimiter})*')
    before = whole.match(text)
    if before is None or text.count('"', before.end()) % 2 == 0:
        return None
    try:
        return len(next(csv.reader([before[0]], delimiter=delimiter))) - 1 if before[0] else 0
    except csv.Error:  # a line break that no quotes hold
        return None


def _encoding(raw: bytes) -> _Encoding:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return _Encoding.WINDOWS if _CYRILLIC_WORD.search(_windows(raw)) else _Encoding.UNKNOWN
    return _Encoding.UTF8


def _decode(raw: bytes, windows: bool = False) -> str:
    """UTF-8, or a row that is all in Windows' Cyrillic code page; other bytes stay in it as half characters.

    Where the code pages for Russian and for Kazakh differ, nobody knows which was meant. In a row without a Cyrillic
    word a stray byte is a letter only when other rows of the file are in the code page (`windows`), and never beside a
    Latin one.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        found = _windows(raw)
    if _CYRILLIC_WORD.search(found) or (windows and found and not _MIXED_WORD.search(found)):
        return found
    return raw.decode("utf-8", "surrogateescape")


def _windows(raw: bytes) -> str:
    """The row in Windows' Cyrillic code page; empty when part of it is UTF-8, or the Kazakh page has another letter."""
    text = raw.decode("utf-8", "surrogateescape")
    russian, kazakh = (raw.decode(page, "replace") for page in ("cp1251", "kz1048"))
    some_utf8 = any(one > "\x7f" and not "\udc80" <= one <= "\udcff" for one in text)
    return "" if some_utf8 or russian != kazakh or _OTHER_PAGE.search(russian) else russian


def _body(cells: dict[str, str]) -> dict[str, object]:
    """The submission as it would be in JSON."""
    body: dict[str, Any] = {"child": {}, "guardian": {}, "diagnosis": {}}
    for column, cell in cells.items():
        group, _, field = _PATHS.get(column, column).partition(".")
        part = body.setdefault(group, {}) if field else body
        part[field or group] = _ids(cell) if column == "not_duplicate_of" else cell
    return body


def _ids(cell: str) -> list[str]:
    return [one.strip() for one in re.split("[;,]", cell.strip("[] ")) if one.strip()]
