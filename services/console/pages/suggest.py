"""What settlements and diagnoses a field may mean, while it is typed: for the script beside it."""

from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from services.console.rendering import language_of
from services.console.sign_in.admission import console_of
from services.console.sign_in.user import SignedIn
from services.console.words.search import Search, read_diagnosis_search, read_settlement_search

router = APIRouter()
_LISTS: dict[str, Callable[[Path], Search]] = {
    "settlements": read_settlement_search,
    "diagnoses": read_diagnosis_search,
}


@router.get("/suggest/{kind}")
async def suggest(request: Request, kind: str, user: SignedIn, q: str = "") -> Response:
    """A list of texts, each of which the form takes."""
    if kind not in _LISTS:
        raise HTTPException(404)
    search = _LISTS[kind](console_of(request).settings.data)
    return JSONResponse([one.text for one in search.suggest(language_of(request), q)])
