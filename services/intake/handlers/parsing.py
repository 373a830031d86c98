"""From bytes to a submission, or to all of its errors."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.contracts.submissions import Child, Diagnosis, DiagnosisSubmission
from services.contracts.vocabulary import Modality
from services.intake.domain.validation import FieldError, Reference, check_parts

S = TypeVar("S", bound=DiagnosisSubmission)
_PARTS: Mapping[str, TypeAdapter[Any]] = {
    "child": TypeAdapter(Child),
    "diagnosis": TypeAdapter(Diagnosis),
    "settlement_id": TypeAdapter(str),
    "modalities": TypeAdapter(tuple[Modality, ...]),
}
"""The parts of a submission to which rules apply; each is checked even when the shape of another is invalid."""


class Unparsed(ValueError):
    """A submission of an invalid shape: the errors by field, and the decoded body as far as it could be decoded."""

    def __init__(self, errors: Sequence[FieldError], raw: Any = None) -> None:
        super().__init__("not a submission")
        self.errors, self.raw = tuple(errors), raw

    @classmethod
    def of(cls, error: ValidationError, raw: Any) -> "Unparsed":
        return cls(tuple(_shape_errors(error)), raw)


def parse(model: type[S], body: bytes) -> S:
    """The submission in a JSON body. Raises Unparsed."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _unparsed(error, body) from None


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


def _unparsed(error: ValidationError, body: bytes) -> Unparsed:
    try:
        return Unparsed.of(error, json.loads(body.decode()))
    except UnicodeDecodeError:
        return Unparsed([FieldError("body", "invalid_utf8", "is not UTF-8")])
    except (ValueError, RecursionError):
        return Unparsed.of(error, None)


def _shape_errors(error: ValidationError) -> Iterator[FieldError]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    parents = {one["loc"][:-1] for one in found if one["loc"]}
    for one in found:
        if one["type"] == "too_short" and one["loc"] in parents:
            continue  # too short only because its invalid items, which have errors of their own, were not counted
        yield FieldError(".".join(map(str, one["loc"])) or "body", one["type"], one["msg"])
