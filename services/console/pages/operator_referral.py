"""A referral for operators, without a name: what happens now, what may be done, and the past."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console.pages.acting import EMPTY, Typed, command, possible_acts, show_act, was_done
from services.console.rendering import render
from services.console.rows import child_row
from services.console.sign_in.user import Operator, User
from services.console.upstream import referral
from services.console.upstream.client import Json, Refusal

router = APIRouter()
ACTIONS = ("offer-again", "cancel")
"""Of an operator, in the order of their buttons, where `allowed_actions` names them."""


@router.get("/children/{referral_id}")
async def show(request: Request, referral_id: UUID, user: Operator, came: str = "") -> Response:
    story = await referral.story(user.services, str(referral_id))
    return render(
        request, "operator/referral.html", story=story, child=_banner(story), came=came,
        actions=possible_acts(story, ACTIONS), address=address_of(story),
    )  # fmt: skip


@router.get("/children/{referral_id}/progress")
async def show_progress(request: Request, referral_id: UUID, user: Operator) -> Response:
    """The part that moves by itself."""
    story = await referral.story(user.services, str(referral_id))
    return render(
        request,
        "polyclinic/progress.html",
        story=story,
        actions=possible_acts(story, ACTIONS),
        address=address_of(story),
    )


@router.get("/children/{referral_id}/do/{action}")
async def ask(request: Request, referral_id: UUID, action: str, user: Operator) -> Response:
    _expect(action)
    return await _ask(request, user, str(referral_id), action)


@router.post("/children/{referral_id}/do/{action}")
async def act(
    request: Request,
    referral_id: UUID,
    action: str,
    user: Operator,
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    version: Annotated[int | None, Form()] = None,
) -> Response:
    """What somebody did meanwhile is shown instead."""
    _expect(action)
    typed = Typed(reason, note)
    try:
        await command(user, str(referral_id), action, typed, version)
    except Refusal as refusal:
        if not (refusal.beaten or refusal.status == 422):
            raise
        if not await was_done(user, str(referral_id), refusal, action, typed, version):
            return await _ask(request, user, str(referral_id), action, refusal, typed)
    return RedirectResponse(f"/children/{referral_id}?came=done", 303)


async def _ask(
    request: Request, user: User, id: str, action: str, refusal: Refusal | None = None, typed: Typed = EMPTY
) -> Response:
    story = await referral.story(user.services, id)
    possible = story["allowed_actions"]
    return show_act(request, story, _banner(story), address_of(story), action, possible, refusal, typed)


def _expect(action: str) -> None:
    if action not in ACTIONS:
        raise HTTPException(404)


def address_of(story: Mapping[str, Any]) -> str:
    return f"/children/{story['id']}"


def _banner(story: Json) -> Json:
    """The child for the banner; its state is in the part that moves."""
    return child_row(story, address_of(story), state=None)
