"""Before each page: whose request it is, and whether a form of ours has sent it."""

from starlette.requests import Request

from services.console.bootstrap import Console
from services.console.rendering import FRAGMENT, language_of
from services.console.sign_in.cookies import SESSION
from services.console.sign_in.forms import FIELD, NOBODY, SAFE, ForeignPost, check_origin, form_token, owner_mark
from services.console.sign_in.sessions import Session
from services.console.sign_in.user import User

LIVE = "/live"


def console_of(request: Request) -> Console:
    found: Console = request.app.state.console
    return found


async def admit(request: Request) -> None:
    """A dependency of every page: `request.state` gets `user` (or None), and `form_token` for the page's forms."""
    console = console_of(request)
    session = await session_of(request, active=FRAGMENT not in request.headers and request.url.path != LIVE)
    request.state.user = _user(request, console, session) if session else None
    owner = session.owner if session else NOBODY
    request.state.form_token = form_token(console.seal, owner)
    if request.method not in SAFE:
        await _check_post(request, console, owner)


async def session_of(request: Request, *, active: bool = False) -> Session | None:
    """The session of the request's cookie; only somebody who is `active` keeps it from being idle."""
    secret = SESSION.read(request)
    return await console_of(request).sessions.find(secret, active=active) if secret else None


def _user(request: Request, console: Console, session: Session) -> User:
    address = request.client.host if request.client else ""
    services, language = console.upstream.as_user(session.access_token, address), language_of(request)
    name = session.names.get(language) or session.organization
    return User(session.subject, session.role, session.organization, name, language, session.access_token, services)


async def _check_post(request: Request, console: Console, owner: str) -> None:
    check_origin(request)
    token = (await request.form()).get(FIELD)
    if not isinstance(token, str):
        raise ForeignPost
    whose = owner_mark(console.seal, token)
    if whose not in console.seal.marks("owner", owner):
        raise ForeignPost
