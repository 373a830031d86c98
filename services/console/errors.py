"""Errors as pages: what happened, in the reader's language, and what may be done now."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from services.console.addresses import here, with_query
from services.console.rendering import FRAGMENT, render, words_of
from services.console.sign_in.admission import SessionEnded
from services.console.sign_in.cookies import KEPT_FORM, SESSION
from services.console.sign_in.forms import SAFE, ForeignPost
from services.console.sign_in.oidc import SignInRefused
from services.console.sign_in.user import NotSignedIn, WrongRole
from services.console.upstream.client import Refusal
from services.console.words.i18n import N_
from services.kit.errors import TransientError
from services.kit.http.problems import Problem
from services.kit.redis_cluster import REDIS_ERRORS

log = structlog.get_logger()
Handler = Callable[[Request, Any], Awaitable[Response]]
_NOT_FOUND = (N_("There is no such page"), N_("What you look for does not exist, or it is another organization's."))
_PAGES = {
    400: (N_("This request cannot be read"), N_("Go back, and try it in another way.")),
    403: (N_("This page is for others"), N_("Your role may not see it. Sign out, and sign in with another role.")),
    404: _NOT_FOUND,
    405: _NOT_FOUND,
    409: (
        N_("Somebody was faster"),
        N_("What you wanted to do is not possible any more: another person has acted on it. Look at it again."),
    ),
    413: (N_("That is too large"), N_("Send a smaller file, or several.")),
    429: (N_("Too many requests"), N_("Wait a little, and try again.")),
    500: (N_("An error of ours"), N_("It has been recorded. Nothing of yours is lost: try again in a moment.")),
    503: (
        N_("The network does not answer at this moment"),
        N_("Nothing was done. Try again in a minute: the places and the queue are safe."),
    ),
}
_FOREIGN_POST = (
    N_("The form was not taken"),
    N_(
        "It was open for too long, or was opened by somebody else. Go back, load the page again, and send it once more."
    ),
)


_NOT_SIGNED_IN = (
    N_("You are not signed in"),
    N_("The sign-in was not completed, took too long, or your account has no role in this network. Try once more."),
)


def install_error_pages(app: FastAPI) -> None:
    handlers: dict[type[Exception], Handler] = {
        NotSignedIn: _to_sign_in,
        WrongRole: _wrong_role,
        ForeignPost: _refuse_post,
        SessionEnded: _keep_form,
        SignInRefused: _refuse_sign_in,
        TransientError: _unavailable,
        HTTPException: _of_http,
        RequestValidationError: _not_found,
        Refusal: _of_refusal,
        Problem: _of_problem,
        **dict.fromkeys(REDIS_ERRORS, _without_sessions),
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


async def _page(
    request: Request, status: int, texts: tuple[str, ...] = (), retry_after: dict[str, str] | None = None
) -> Response:
    title, *paragraphs = map(words_of(request).gettext, texts or _PAGES.get(status, _PAGES[400]))
    again = str(request.url.path) if status >= 429 and request.method in SAFE else ""
    answer = render(request, "error.html", status, title=title, paragraphs=paragraphs, again=again)
    answer.headers.update(retry_after or {})
    return answer


async def _to_sign_in(request: Request, _: NotSignedIn) -> Response:
    """A fragment is answered 401, at which the script loads the page, and the page leads here."""
    if FRAGMENT in request.headers:
        return Response(status_code=401)
    return RedirectResponse(with_query("/sign-in", back=here(request) if request.method in SAFE else "/"), 303)


async def _wrong_role(request: Request, _: WrongRole) -> Response:
    return await _page(request, 403)


async def _of_http(request: Request, error: HTTPException) -> Response:
    return await _page(request, error.status_code)


async def _not_found(request: Request, _: RequestValidationError) -> Response:
    """An address that is none of ours, such as one with half an id."""
    return await _page(request, 404)


async def _of_problem(request: Request, problem: Problem) -> Response:
    """Raised by the kit: too many requests, or a token that is refused."""
    return await _page(request, problem.status, retry_after=dict(problem.headers or {}))


async def _keep_form(request: Request, ended: SessionEnded) -> Response:
    """To the sign-in, and from there to what was kept of the form."""
    answer = RedirectResponse("/sign-in?back=%2Fkept", 303)
    KEPT_FORM.write(request, answer, ended.kept)
    return answer


async def _refuse_sign_in(request: Request, refused: SignInRefused) -> Response:
    log.warning("console.sign_in_refused", reason=str(refused))
    return await _page(request, 403, _NOT_SIGNED_IN)


async def _unavailable(request: Request, error: TransientError) -> Response:
    log.warning("console.unavailable", reason=str(error))
    return await _page(request, 503, retry_after={"Retry-After": "5"})


async def _refuse_post(request: Request, _: ForeignPost) -> Response:
    log.warning("console.foreign_post", path=request.url.path)
    return await _page(request, 403, _FOREIGN_POST)


async def _of_refusal(request: Request, refusal: Refusal) -> Response:
    """What a page did not show beside its field."""
    if refusal.status == 401:
        answer = await _to_sign_in(request, NotSignedIn())
        SESSION.drop(request, answer)
        return answer
    status = {412: 409, 422: 400}.get(refusal.status, refusal.status)
    waiting = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else None
    return await _page(request, status, retry_after=waiting)


async def _without_sessions(request: Request, error: Exception) -> Response:
    log.warning("console.no_sessions", reason=type(error).__name__)
    return await _page(request, 503, retry_after={"Retry-After": "5"})


async def answer_fault(scope: Scope, receive: Receive, send: Send) -> None:
    """A fault of ours, which has been logged."""
    request = Request(scope, receive)
    answer = await _page(request, 500)
    await answer(scope, receive, send)
