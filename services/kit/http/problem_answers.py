"""The problem document that answers each error of an application."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from services.kit.errors import TransientError
from services.kit.http.problems import FieldError, Problem, fields_problem, validation_problem
from services.kit.messages import message

log = structlog.get_logger()
E = TypeVar("E", bound=Exception)


def _of_unread(cause: BaseException) -> Problem:
    """The 422 for a body that Python's JSON decoder failed on, for another reason than its syntax."""
    if isinstance(cause, UnicodeDecodeError):
        given = {"byte": f"0x{cause.object[cause.start]:02X}", "position": cause.start + 1}
        return _of_body("body_not_utf8", **given)
    return _of_body("json_too_deep" if isinstance(cause, RecursionError) else "json_invalid")


def _of_body(code: str, **given: Any) -> Problem:
    return fields_problem([FieldError(field="body", code=code, message=message(code, **given))])


def _of_http(error: HTTPException) -> Problem:
    if isinstance(error.__cause__, Problem):  # raised where FastAPI reads the body
        return error.__cause__
    if isinstance(error.__cause__, ValueError | RecursionError):  # FastAPI makes a 400 of what its decoder raises
        return _of_unread(error.__cause__)
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Problem(413, "too_large", "body: has more bytes than this path takes")
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_").replace("-", "_")
    return Problem(error.status_code, code, str(error.detail), headers=error.headers)


def _of_transient(error: TransientError) -> Problem:
    log.warning("request.unavailable", reason=str(error))
    return Problem(503, "unavailable", "Try again shortly.", headers={"Retry-After": "1"})


def answer_with(app: FastAPI, error: type[E], problem: Callable[[E], Problem]) -> None:
    """Have `app` answer an error of this class with the problem made of it."""

    async def handle(_: Request, raised: E) -> JSONResponse:
        return problem(raised).response()

    app.add_exception_handler(error, handle)  # type: ignore[arg-type]  # registered for this class only


def install_problems(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    answer_with(app, Problem, lambda problem: problem)
    answer_with(app, RequestValidationError, lambda error: validation_problem(error.errors()))
    answer_with(app, HTTPException, _of_http)
    answer_with(app, TransientError, _of_transient)
