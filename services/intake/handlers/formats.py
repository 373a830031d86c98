"""The two formats of bulk submissions: NDJSON, and CSV with a flat row a line."""

import csv
import re
from typing import Annotated, Any

from pydantic import Field, ValidationError

from services.contracts.submissions import CSV_COLUMNS, NewSubmission
from services.intake.domain.validation import FieldError
from services.intake.handlers.parsing import Unparsed, parse

EXTRA_COLUMNS = {"idempotency_key", "not_duplicate_of"}
OPTIONAL_COLUMNS = {"iin", "gmfcs", "max_distance_km", "priority", *EXTRA_COLUMNS}
LISTS = {"modalities", "not_duplicate_of"}
"""Columns of several values, with `;` between."""
_PATHS = {
    "iin": "child.iin",
    "full_name": "child.full_name",
    "birth_date": "child.birth_date",
    "sex": "child.sex",
    "guardian_name": "guardian.full_name",
    "guardian_phone": "guardian.phone",
    "icd10": "diagnosis.icd10",
    "gmfcs": "diagnosis.gmfcs",
}
_HARMLESS = re.compile(r"[a-z_]{1,40}")
_COLUMNS = {path: column for column, path in _PATHS.items()}


class BulkSubmission(NewSubmission):
    """A line of a bulk submission: a body of `POST /v1/diagnoses` with an optional idempotency key of the line."""

    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None


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
    """Rows under a header with the columns of CSV_COLUMNS in any order. A cell holds no line break."""

    def __init__(self, header: bytes) -> None:
        """Raises WrongHeader."""
        try:
            self._columns = [cell.strip().lower() for cell in _cells(header.removeprefix(b"\xef\xbb\xbf"))]
        except Unparsed as error:
            raise WrongHeader("header", error.errors[0].message) from None
        for column in self._columns:
            if column not in CSV_COLUMNS and column not in EXTRA_COLUMNS:
                raise _no_column(column, self._columns)
            if self._columns.count(column) > 1:
                raise WrongHeader(column, "is there twice")
        for column in CSV_COLUMNS:
            if column not in self._columns and column not in OPTIONAL_COLUMNS:
                raise WrongHeader(column, "is missing")

    def read(self, raw: bytes) -> BulkSubmission:
        cells = _cells(raw)
        if len(cells) != len(self._columns):
            raise Unparsed([FieldError("line", "wrong_cells", f"has {len(cells)} cells, not {len(self._columns)}")])
        body = _body({column: cell for column, cell in zip(self._columns, cells, strict=True) if cell})
        try:
            return BulkSubmission.model_validate(body)
        except ValidationError as error:
            raise Unparsed.of(error, body) from None

    def name(self, field: str) -> str:
        return _COLUMNS.get(field, field.partition(".")[0] if field.startswith("modalities") else field)


Format = Ndjson | Csv


def _no_column(cell: str, line: list[str]) -> WrongHeader:
    """Repeats `cell` only when other cells of the line are columns; else the line may be personal data."""
    columns = f"{', '.join(CSV_COLUMNS)}, with commas between"
    if _HARMLESS.fullmatch(cell) and not set(CSV_COLUMNS).isdisjoint(line):
        return WrongHeader(cell, f"is no column; they are {columns}")
    return WrongHeader("header", f"the first line must be the header: {columns}")


def _cells(raw: bytes) -> list[str]:
    try:
        text = raw.decode().strip("\r")
    except UnicodeDecodeError:
        raise Unparsed([FieldError("line", "invalid_utf8", "is not UTF-8")]) from None
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise Unparsed([FieldError("line", "invalid_csv", f"is no CSV: {error}")]) from None


def _body(cells: dict[str, str]) -> dict[str, object]:
    """The submission as it would be in JSON."""
    body: dict[str, Any] = {"child": {}, "guardian": {}, "diagnosis": {}}
    for column, cell in cells.items():
        group, _, field = _PATHS.get(column, column).partition(".")
        part = body[group] if field else body
        part[field or group] = [one.strip() for one in cell.split(";")] if column in LISTS else cell
    return body
