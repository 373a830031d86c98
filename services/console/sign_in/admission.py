"""Before each page: whose request it is, and whether a form of ours has sent it."""

from http import HTTPStatus

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request

from services.console.addresses import here
from services.console.bootstrap import Console
from services.console.rendering import FRAGMENT, language_of
from services.console.sign_in.cookies import SESSION
from services.console.sign_in.forms import FIELD, NOBODY, SAFE, ForeignPost, check_origin, form_token, owner_mark
from services.console.sign_in.refreshing import with_fresh_tokens
from services.console.sign_in.sessions import Session
from services.console.sign_in.user import NotSignedIn, User
from services.console.upstream.client import Services
from services.kit.http.limits import Budget, Caller, limits_of

LIVE, SIGN_OUT = "/live", "/sign-out"
LARGEST_KEPT = 256 * 1024
"""Characters of a form that is kept."""

LARGEST_OF_STRANGERS = 1024 * 1024
"""Bytes of a post that is received of whoever is not signed in, whatever the page takes."""


async def _nothing(*_: object) -> None:
    """An application that does nothing: the bound around it is what counts."""


class SessionEnded(Exception):
    """A form was sent after its session had ended; `kept` takes what it had, after the next sign-in."""

    def __init__(self, kept: str) -> None:
        super().__init__("the session has ended")
        self.kept = kept


def console_of(request: Request) -> Console:
    found: Console = request.app.state.console
    return found


def services_for_anybody(request: Request) -> Services:
    """The services' APIs without a token, for whoever is at the request's address."""
    return console_of(request).upstream.as_nobody(_address(request))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def admit(request: Request) -> None:
    """A dependency of every page: `request.state` gets `user` (or None), and `form_token` for the page's forms.

    Raises Problem 429 for an address that asks too often, ForeignPost for a post that no form of ours has sent, and
    SessionEnded.
    """
    console = console_of(request)
    await limits_of(request).spend(Budget.REQUESTS, Caller.at(request))
    request.state.user, request.state.form_token = None, form_token(console.seal, NOBODY)
    session = await session_of(request, active=FRAGMENT not in request.headers and request.url.path != LIVE)
    if session:
        request.state.user = _user(request, console, session)
        request.state.form_token = form_token(console.seal, session.owner)
    if request.method not in SAFE:
        await _check_post(request, console, session)


async def session_of(request: Request, *, active: bool = False) -> Session | None:
    """The session of the request's cookie; only somebody who is `active` keeps it from being idle."""
    console, secret = console_of(request), SESSION.read(request)
    session = await console.sessions.find(secret, active=active) if secret else None
    return await with_fresh_tokens(console, secret, session) if session else None


def _user(request: Request, console: Console, session: Session) -> User | None:
    if session.role is None:
        return None
    services = console.upstream.as_user(session.access_token, _address(request), session.acting_as)
    language, organization = language_of(request), session.organization
    switch = len(session.choices) > 1
    return User(session.subject, session.role, organization, session.names, language, services, switch)


async def _check_post(request: Request, console: Console, session: Session | None) -> None:
    check_origin(request)
    if not session:
        await RequestBodyLimitMiddleware(_nothing, LARGEST_OF_STRANGERS)(request.scope, request.receive, _nothing)
    try:
        form = await request.form()
    except HTTPException as error:
        if session or error.status_code != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise
        raise NotSignedIn from None
    token = form.get(FIELD)
    if not isinstance(token, str):
        raise ForeignPost
    whose = owner_mark(console.seal, token)
    if whose in console.seal.marks("owner", session.owner if session else NOBODY):
        return
    if request.url.path == SIGN_OUT and not session:
        return
    if session or whose in console.seal.marks("owner", NOBODY):
        raise ForeignPost
    raise SessionEnded(await console.kept_forms.keep(_kept(request, form, whose)))


def _kept(request: Request, form: FormData, whose: str) -> dict[str, object]:
    """Its texts; a file is chosen anew."""
    fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str) and name != FIELD]
    if sum(len(name) + len(value) for name, value in fields) > LARGEST_KEPT:
        fields = []
    return {"action": here(request), "fields": fields, "owner": whose}
