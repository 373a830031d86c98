"""The pages of signing in and out."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console.addresses import local_path, with_query
from services.console.bootstrap import Console
from services.console.rendering import render
from services.console.sign_in import choosing, local, provided
from services.console.sign_in.admission import console_of, session_of
from services.console.sign_in.cookies import KEPT_FORM, SESSION, SIGNING_IN
from services.console.sign_in.oidc import SignInRefused
from services.console.sign_in.sessions import Session
from services.console.sign_in.user import SignedIn
from services.kit.http.auth import Anybody
from services.kit.http.limits import Budget, Caller, limits_of

log = structlog.get_logger()
router = APIRouter()
from_provider = APIRouter(include_in_schema=False, max_body_size=64 * 1024)
"""What no form of ours sends: the provider itself."""


@router.get("/sign-in")
async def sign_in(request: Request, back: str = "/") -> Response:
    """The page to choose on a local network, and of who has several roles; else the way to the provider."""
    console = console_of(request)
    if console.settings.local_issuer_key_file:
        return await local.show_choices(request, console, local_path(back))
    if (session := await session_of(request)) and len(session.choices) > 1:
        return await choosing.show(request, console, session, local_path(back))
    url, browser = await provided.ask(console, local_path(back), SIGNING_IN.read(request))
    answer = RedirectResponse(url, 303)
    SIGNING_IN.write(request, answer, browser, provided.SECONDS)
    return answer


@router.post("/sign-in")
async def choose(request: Request, who: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/") -> Response:
    """On a local network whoever they are; else of what the token has. The session is a new one."""
    console = console_of(request)
    if not console.settings.local_issuer_key_file:
        return await _choose_of_token(request, console, who, local_path(back))
    session = await local.chosen(request, console, who)
    if session is None:
        return await local.show_choices(request, console, local_path(back), missing=True)
    return await _begun(request, session, local_path(back))


async def _choose_of_token(request: Request, console: Console, who: str, back: str) -> Response:
    session = await session_of(request)
    if session is None or len(session.choices) < 2:
        raise HTTPException(404)
    if who not in session.choices:
        return await choosing.show(request, console, session, back, missing=True)
    return await _begun(request, await provided.choose(console, session, who), back)


@router.get("/sign-in/back")
async def come_back(request: Request) -> Response:
    """The provider's answer. Raises SignInRefused."""
    session, back = await provided.begin(console_of(request), request.query_params, SIGNING_IN.read(request))
    to = with_query("/sign-in", back=back) if session.role is None else local_path(back)
    answer = await _begun(request, session, to)
    SIGNING_IN.drop(request, answer)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Here, and at the provider where it has a page for that."""
    console, session = console_of(request), await session_of(request)
    await _end(request)
    url = await provided.sign_out_url(console, session) if session else ""
    answer = RedirectResponse(url or "/", 303)
    answer.headers["Clear-Site-Data"] = '"storage"'  # a form's draft
    SESSION.drop(request, answer)
    return answer


@router.get("/kept")
async def show_kept(request: Request, user: SignedIn) -> Response:
    """The form that was sent after its session had ended, for who had opened it, and nobody else."""
    console, session = console_of(request), await session_of(request)
    kept: Any = await console.kept_forms.take(secret := KEPT_FORM.read(request))
    if kept is None or session is None or kept["owner"] not in console.seal.marks("owner", session.owner):
        answer: Response = RedirectResponse("/", 303)
        KEPT_FORM.drop(request, answer)
        return answer
    await console.kept_forms.keep(kept, secret)  # a page that is loaded again still has it, until its time is over
    return render(request, "sign_in/kept.html", action=kept["action"], fields=kept["fields"])


@from_provider.post("/sign-out/by-provider", dependencies=[Depends(Anybody())])
async def sign_out_by_provider(request: Request, logout_token: Annotated[str, Form()] = "") -> Response:
    """OpenID Connect Back-Channel Logout 1.0: the provider ends sessions by a token that it has signed.

    Raises Problem 429 for an address that asks too often, or has had too many tokens refused.
    """
    console = console_of(request)
    try:
        if console.provider is None:
            raise SignInRefused("no provider")
        subject, session = await console.provider.logged_out(logout_token)
    except SignInRefused as error:
        await limits_of(request).spend(Budget.REFUSED, Caller.at(request))
        log.warning("console.logout_refused", reason=str(error))
        return Response(status_code=400)
    ended = await console.sessions.end_all(subject=subject, provider_session=session)
    log.info("console.logged_out_by_provider", sessions=ended)
    return Response(status_code=200)


async def _begun(request: Request, session: Session, back: str) -> Response:
    """The way back, in a new session."""
    await _end(request)
    answer = RedirectResponse(back, 303)
    SESSION.write(request, answer, await console_of(request).sessions.begin(session))
    return answer


async def _end(request: Request) -> None:
    if secret := SESSION.read(request):
        await console_of(request).sessions.end(secret)
