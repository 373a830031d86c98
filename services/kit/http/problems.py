"""Problem documents (RFC 9457): the body of every error answer, with a stable `code` and the refused fields."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from services.kit.bounds import MOST_ERRORS, Excess
from services.kit.messages import field_path, message, message_of

_CSP = b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _CSP),
)
"""Of every answer."""
_WHERE = ("body", "query", "path", "header", "cookie")
"""The first part of FastAPI's paths; a field is named without it."""


class FieldError(BaseModel):
    """A refused field by its dotted path; the value is never repeated."""

    field: str
    code: str
    message: str


class ProblemDetails(BaseModel):
    """The body of every error answer."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldError] = Field([], description=f"The first {MOST_ERRORS}")
    more_errors: int = Field(0, description="How many errors are not in `errors`; left out when all are")


class Problem(Exception):
    """An error that becomes the answer of its request. `extra` adds members, such as `allowed_actions`.

    Of `errors` the first MOST_ERRORS are kept; the others are counted, with `more_errors` that are not among them.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        more_errors: int = 0,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.extra, self.headers = list(errors[:MOST_ERRORS]), dict(extra or {}), headers
        self.more_errors = more_errors + len(errors) - len(self.errors)

    @classmethod
    def of_field(cls, field: str, code: str, message: str) -> "Problem":
        """A 422 for one field."""
        return cls(422, code, f"{field}: {message}", errors=[FieldError(field=field, code=code, message=message)])

    def response(self) -> JSONResponse:
        details = ProblemDetails(
            type=f"urn:joldama:problem:{self.code}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=self.errors,
            more_errors=self.more_errors,
        ).model_dump(exclude_defaults=True)
        return JSONResponse(details | self.extra, self.status, self.headers, media_type="application/problem+json")


INTERNAL_ERROR = Problem(500, "internal_error", "A fault of ours; it has been recorded.")
_REFUSALS = {
    401: "No bearer token, or none that is valid now",
    403: "Not with this token's roles or organization",
    413: "The body has more bytes than this path takes",
    415: "The body is compressed, or of another type",
    429: "Too many requests; Retry-After says when to come back",
    503: "`unavailable`, `rebuilding`: nothing was done; try again after `Retry-After` seconds",
}
_DOCUMENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    **{status: {"description": text, "content": _DOCUMENT} for status, text in _REFUSALS.items()},
    "4XX": {"model": ProblemDetails, "content": {"application/problem+json": {}}},
}
"""What any route may answer, for OpenAPI."""


def validation_problem(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """A 422 that names the field of each of Pydantic's errors, without the values that were refused."""
    found = [
        FieldError(field=_field(one) or "body", code=one["type"], message=_message(one)) for one in errors[:MOST_ERRORS]
    ]
    return fields_problem(found, len(errors) - len(found))


def excess_problem(found: Sequence[Excess]) -> Problem:
    """A 422 for what is too large in a JSON body."""
    return fields_problem(
        [
            FieldError(field=field_path(one.path) or "body", code=one.code, message=message(one.code, most=one.most))
            for one in found
        ]
    )


def fields_problem(found: Sequence[FieldError], more: int = 0) -> Problem:
    """A 422 for these fields, and `more` that are not named."""
    detail = "; ".join(f"{one.field}: {one.message}" for one in found[:3])
    return Problem(422, "validation_failed", detail, errors=found, more_errors=more)


def _field(error: Mapping[str, Any]) -> str:
    place = () if error["type"] == "json_invalid" else error["loc"]  # FastAPI's is a position in the text
    return field_path(place[1:] if place and place[0] in _WHERE else place)


def _message(error: Mapping[str, Any]) -> str:
    """The position in what is no JSON is FastAPI's."""
    at = f", near character {error['loc'][-1] + 1}" if error["type"] == "json_invalid" and len(error["loc"]) > 1 else ""
    return message_of(error) + at
