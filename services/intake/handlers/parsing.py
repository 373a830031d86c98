"""From bytes to a submission, or to all that is wrong with them."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.contracts.submissions import Child, Diagnosis, DiagnosisSubmission
from services.contracts.vocabulary import Modality
from services.intake.domain.validation import (
    FieldError,
    Reference,
    check_child,
    check_diagnosis,
    check_modalities,
    check_settlement,
)

T = TypeVar("T")
S = TypeVar("S", bound=DiagnosisSubmission)
_modalities = TypeAdapter(tuple[Modality, ...])
_settlement = TypeAdapter(str)


class Unparsed(ValueError):
    """The submission's shape is wrong; `errors` name each field, `raw` is what it was, as far as that is known."""

    def __init__(self, errors: Sequence[FieldError], raw: Any = None) -> None:
        super().__init__("not a submission")
        self.errors, self.raw = tuple(errors), raw

    @classmethod
    def of(cls, error: ValidationError, raw: Any) -> "Unparsed":
        return cls(tuple(_shape_errors(error)), raw)


def parse(model: type[S], body: bytes) -> S:
    """Raises Unparsed."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _unparsed(error, body) from None


def every_error(refused: Unparsed, today: date, reference: Reference) -> tuple[FieldError, ...]:
    """The errors of shape, and what the rules say of the parts whose shape is right."""
    raw = refused.raw if isinstance(refused.raw, dict) else {}
    return (
        *refused.errors,
        *_checked(Child.model_validate, raw.get("child"), lambda child: check_child(child, today)),
        *_checked(Diagnosis.model_validate, raw.get("diagnosis"), lambda found: check_diagnosis(found, reference)),
        *_checked(_settlement.validate_python, raw.get("settlement_id"), lambda id: check_settlement(id, reference)),
        *_checked(_modalities.validate_python, raw.get("modalities"), check_modalities),
    )


def _checked(
    validate: Callable[[Any], T], raw: Any, check: Callable[[T], Iterator[FieldError]]
) -> Sequence[FieldError]:
    try:
        part = validate(raw)
    except ValidationError:
        return ()
    return tuple(check(part))


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
            continue  # only because the items that are named by themselves were not counted
        yield FieldError(".".join(map(str, one["loc"])) or "body", one["type"], one["msg"])
