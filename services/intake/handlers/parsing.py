"""From bytes to a submission, or to all of its errors."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from services.contracts.csv_rows import BYTE_ORDER_MARK
from services.contracts.submissions import Child, Diagnosis, DiagnosisSubmission
from services.contracts.vocabulary import Modality
from services.intake.domain.field_errors import FieldError
from services.intake.domain.normalizing import normalize
from services.intake.domain.validation import Reference, check_parts
from services.kit.bounds import Bounds, excesses
from services.kit.messages import field_path, message_of

S = TypeVar("S", bound=DiagnosisSubmission)
_PARTS: Mapping[str, TypeAdapter[Any]] = {
    "child": TypeAdapter(Child),
    "diagnosis": TypeAdapter(Diagnosis),
    "settlement_id": TypeAdapter(str),
    "modalities": TypeAdapter(tuple[Modality, ...]),
}
"""The parts of a submission to which rules apply; each is checked even when the shape of another is invalid."""


BOUNDS = Bounds(text=250, members=50, depth=5)
"""More than any field of a submission takes; a CSV's cell too."""
SECONDS = 0.1
"""Of the processor, for one submission; a usual one takes a thousandth of it."""


class Unparsed(ValueError):
    """A submission of an invalid shape: the errors by field, and the normalized body as far as it could be read."""

    def __init__(self, errors: Sequence[FieldError], raw: Any = None) -> None:
        super().__init__("not a submission")
        self.errors, self.raw = tuple(errors), raw


def parse(model: type[S], body: bytes) -> S:
    """The submission in a JSON body. Raises Unparsed."""
    return shape(model, read_json(body))


def shape(model: type[S], raw: Any) -> S:
    """The submission in a decoded body, whose values are as people type them. Raises Unparsed."""
    if beyond := excesses(raw, BOUNDS):
        raise Unparsed([FieldError.of(field_path(one.path) or "body", one.code, most=one.most) for one in beyond])
    meant, errors = normalize(raw)
    try:
        found = model.model_validate(meant)
    except ValidationError as error:
        refused = {one.field for one in errors}
        errors += [one for one in _shape_errors(error) if one.field not in refused]
        raise Unparsed(errors, meant) from None
    if errors:
        raise Unparsed(errors, meant)
    return found


def read_json(body: bytes) -> Any:
    """The JSON value in `body`; bytes that are not UTF-8 stay in it as half characters. Raises Unparsed."""
    body = body.removeprefix(BYTE_ORDER_MARK)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unparsed([_unreadable(body)]) from None


def every_error(unparsed: Unparsed, today: date, reference: Reference) -> tuple[FieldError, ...]:
    """The errors of shape, and the errors by the rules of the parts whose shape is valid."""
    raw = unparsed.raw if isinstance(unparsed.raw, dict) else {}
    parts = {name: _valid(adapter, raw.get(name)) for name, adapter in _PARTS.items()}
    return (*unparsed.errors, *check_parts(today, reference, **parts))


def _valid(adapter: TypeAdapter[Any], part: Any) -> Any:
    try:
        return adapter.validate_python(part)
    except ValidationError:
        return None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _unreadable(body: bytes) -> FieldError:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return FieldError.of("body", "invalid_utf8", byte=f"0x{body[error.start]:02X}")
    return FieldError.of("body", "json_invalid")


def _shape_errors(error: ValidationError) -> Iterator[FieldError]:
    found = error.errors(include_url=False, include_input=False)
    parents = {one["loc"][:-1] for one in found if one["loc"]}
    for one in found:
        if one["type"] == "too_short" and one["loc"] in parents:
            continue  # too short only because its invalid items, which have errors of their own, were not counted
        yield FieldError(field_path(one["loc"]) or "body", one["type"], message_of(one))
