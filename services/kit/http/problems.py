"""Every refusal as a problem document (RFC 9457) with a stable `code` and, where there is one, the field's name."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from services.kit.errors import TransientError

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()


class FieldError(BaseModel):
    """One field that cannot be taken. `field` is a dotted path; the refused value is never repeated."""

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
    errors: list[FieldError] = []


class Problem(Exception):
    """Raised anywhere under a request; becomes the answer. `extra` adds members, such as `allowed_actions`."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.extra, self.headers = tuple(errors), dict(extra or {}), dict(headers or {})

    @classmethod
    def of_field(cls, field: str, code: str, message: str, *, status: int = 422) -> "Problem":
        """A refusal for one field."""
        return cls(status, code, f"{field}: {message}", errors=[FieldError(field=field, code=code, message=message)])

    def body(self) -> dict[str, Any]:
        details = ProblemDetails(
            type=f"urn:joldama:problem:{self.code}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=list(self.errors),
        ).model_dump()
        return (details if self.errors else {k: v for k, v in details.items() if k != "errors"}) | self.extra

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status, self.headers, media_type=MEDIA_TYPE)


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's errors by field, without the values that were refused."""
    return [
        FieldError(
            field=".".join(str(part) for part in error["loc"] if part != "body") or "body",
            code=str(error["type"]),
            message=str(error["msg"]),
        )
        for error in errors
    ]


def validation_problem(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """A 422 that names each field."""
    found = field_errors(errors)
    detail = "; ".join(f"{one.field}: {one.message}" for one in found[:3])
    return Problem(422, "validation_failed", detail, errors=found)


class TooLarge(HTTPException):
    """The body is larger than `most` bytes. Starlette's own kind of error: FastAPI lets it through while it reads."""

    def __init__(self, most: int) -> None:
        super().__init__(413, f"body: has at most {most} bytes")


async def _on_too_large(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TooLarge)  # noqa: S101
    return Problem(413, "too_large", error.detail).response()


async def _on_problem(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)  # noqa: S101  registered for this class only
    return problem.response()


async def _on_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return validation_problem(error.errors()).response()


async def _on_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_").replace("-", "_")
    return Problem(error.status_code, code, str(error.detail), headers=error.headers).response()


async def _on_transient(_: Request, error: Exception) -> JSONResponse:
    log.warning("request.unavailable", reason=str(error))
    return Problem(503, "unavailable", "Try again shortly.", headers={"Retry-After": "1"}).response()


async def _on_bug(_: Request, error: Exception) -> JSONResponse:
    return Problem(500, "internal_error", "A fault of ours; it has been recorded.").response()


def install_problems(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(TooLarge, _on_too_large)
    app.add_exception_handler(TransientError, _on_transient)
    app.add_exception_handler(Exception, _on_bug)
