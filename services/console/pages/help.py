"""Help, a page for each role with a part for each page, and the choice of the language."""

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console.addresses import local_path
from services.console.rendering import YEAR, render, renderer_of
from services.console.words.i18n import COOKIE
from services.contracts.vocabulary import Language, Role

router = APIRouter()
READERS = (Role.POLYCLINIC, Role.CENTER, Role.OPERATOR, "public")


@router.get("/help/{reader}")
async def show_help(request: Request, reader: str) -> Response:
    if reader not in READERS:
        raise HTTPException(404)
    return render(request, f"help/{reader}.html")


@router.get("/language/{language}")
async def choose_language(request: Request, language: str, back: str = "/") -> Response:
    """Remember the reader's language, and go back to the page that was open."""
    if language not in set(Language):
        raise HTTPException(404)
    answer = RedirectResponse(local_path(back), 303)
    answer.set_cookie(COOKIE, language, max_age=YEAR, httponly=True, samesite="lax", secure=renderer_of(request).secure)
    return answer
