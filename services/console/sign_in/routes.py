"""The pages of signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.console.pages.help import local_path
from services.console.sign_in import local
from services.console.sign_in.admission import console_of
from services.console.sign_in.cookies import SESSION

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def sign_in(request: Request, back: str = "/") -> Response:
    return await local.show_choices(request, console_of(request), local_path(back))


@router.post("/sign-in")
async def choose(request: Request, who: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/") -> Response:
    """Of a local network only: nobody else may choose who they are."""
    console = console_of(request)
    session = await local.chosen(request, console, who)
    if session is None:
        return await local.show_choices(request, console, local_path(back), missing=True)
    await _end(request)
    answer = RedirectResponse(local_path(back), 303)
    SESSION.write(request, answer, await console.sessions.begin(session))
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    await _end(request)
    answer = RedirectResponse("/", 303)
    SESSION.drop(request, answer)
    return answer


async def _end(request: Request) -> None:
    if secret := SESSION.read(request):
        await console_of(request).sessions.end(secret)
