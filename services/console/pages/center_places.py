"""A center's places: figures with their age, confirm, set, suspend; and who waits in a programme's queue."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console.rendering import render, words_of
from services.console.sign_in.user import Center, User
from services.console.upstream import capacity, referral
from services.console.upstream.client import Json, Refusal
from services.console.words.problems import by_field, sentence

router = APIRouter()
A_PAGE = 50
"""Children of a queue on a page."""
MOVED = 412
"""The status that says that somebody set the figure before."""


@router.get("/places")
async def show_places(request: Request, user: Center, done: str = "") -> Response:
    return render(request, "center/places.html", programmes=await _programmes(user), done=done, moved=[])


@router.post("/places")
async def confirm_all(request: Request, user: Center) -> Response:
    """Confirm the figures as the reader saw them; what somebody set meanwhile stays."""
    given = {str(name): str(value).split("/") for name, value in (await request.form()).items()}
    seen = {name: parts for name, parts in given.items() if len(parts) == 2 and all(map(str.isdecimal, parts))}
    moved = [name for name, (places, version) in seen.items() if not await _confirm(user, name, places, version)]
    if moved:
        return render(request, "center/places.html", 409, programmes=await _programmes(user), done="", moved=moved)
    return RedirectResponse("/places?done=confirmed", 303)


async def _confirm(user: User, programme_id: str, places: str, version: str) -> bool:
    """Whether the figure was still of that version."""
    try:
        await referral.set_places(user.services, user.organization, programme_id, int(places), None, int(version))
    except Refusal as refusal:
        if refusal.status != MOVED:
            raise
        return False
    return True


@router.get("/places/{programme_id}")
async def show_programme(request: Request, programme_id: str, user: Center, cursor: str | None = None) -> Response:
    return await _show(request, user, programme_id, cursor=cursor)


@router.post("/places/{programme_id}")
async def set_places(
    request: Request,
    programme_id: str,
    user: Center,
    places: Annotated[str, Form()] = "",
    suspended: Annotated[str, Form()] = "",
    version: Annotated[str, Form()] = "",
) -> Response:
    """Set the figure by the version that the reader saw."""
    values = {"places": places, "suspended": suspended}
    number, expected = places.strip(), int(version) if version.isdecimal() else None
    if not number.isdecimal():
        errors = {"places": sentence(words_of(request), "int_parsing")}
        return await _show(request, user, programme_id, 422, values, errors)
    try:
        await referral.set_places(
            user.services, user.organization, programme_id, int(number), suspended == "yes", expected
        )
    except Refusal as refusal:
        if refusal.status == MOVED:
            return await _show(request, user, programme_id, 409, moved=True)
        if refusal.status != 422:
            raise
        errors = by_field(words_of(request), refusal.errors, values)
        return await _show(request, user, programme_id, 422, values, errors)
    return RedirectResponse("/places?done=set", 303)


async def _show(
    request: Request,
    user: User,
    programme_id: str,
    status: int = 200,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    *,
    moved: bool = False,
    cursor: str | None = None,
) -> Response:
    programme = next((one for one in await _programmes(user) if one["id"] == programme_id), None)
    if programme is None:
        raise HTTPException(404)
    queue = await capacity.queue(user.services, programme_id, cursor=cursor, limit=A_PAGE)
    figure = programme["figure"] or {}
    current = {"places": str(figure.get("places", "")), "suspended": "yes" if figure.get("suspended") else "no"}
    return render(
        request, "center/programme.html", status, programme=programme, values=values or current, errors=errors or {},
        moved=moved, queue=queue, cursor=cursor,
    )  # fmt: skip


async def _programmes(user: User) -> list[Json]:
    """The center's programmes by modality, each with its `figure` (None before the first) and `now`, its use.

    The use is None while it is that of another number of places: the network has not taken the figure over.
    """
    center, every = await asyncio.gather(
        referral.center(user.services, user.organization), capacity.every_figure(user.services)
    )
    use = {one["programme_id"]: one for one in every}
    programmes = center["programmes"]
    figures = await asyncio.gather(*(_figure(user, one["id"]) for one in programmes))
    found = [
        one | {"figure": figure, "now": use_of(use.get(one["id"]), figure)}
        for one, figure in zip(programmes, figures, strict=True)
    ]
    return sorted(found, key=lambda one: str(one["modality"]))


def use_of(found: Json | None, figure: Json | None) -> Json | None:
    """What capacity tells of a programme, when it is of the figure's own number of places."""
    return found if found and figure and found["places"] == figure["places"] else None


async def _figure(user: User, programme_id: str) -> Json | None:
    try:
        return await referral.figure(user.services, user.organization, programme_id)
    except Refusal as refusal:
        if refusal.code != "no_figure":
            raise
        return None
