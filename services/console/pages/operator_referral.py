"""A referral for operators, without a name: what happens now, what may be done, and the past."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console.rendering import render, renderer_of, words_of
from services.console.rows import child_row
from services.console.sign_in.user import Operator, User
from services.console.upstream import intake, referral
from services.console.upstream.client import Json, Refusal
from services.console.words.problems import by_field

router = APIRouter()
ACTIONS = ("offer-again", "cancel")
"""Of an operator, in the order of their buttons, where `allowed_actions` names them."""
_BEATEN = frozenset({409, 412})
"""Somebody acted before."""


@router.get("/children/{referral_id}")
async def show(request: Request, referral_id: UUID, user: Operator, came: str = "") -> Response:
    story = await referral.story(user.services, str(referral_id))
    return render(
        request, "operator/referral.html", story=story, child=_banner(story), came=came, actions=actions_of(story),
        address=address_of(story),
    )  # fmt: skip


@router.get("/children/{referral_id}/progress")
async def show_progress(request: Request, referral_id: UUID, user: Operator) -> Response:
    """The part that moves by itself."""
    story = await referral.story(user.services, str(referral_id))
    return render(
        request, "polyclinic/progress.html", story=story, actions=actions_of(story), address=address_of(story)
    )


@router.get("/children/{referral_id}/do/{action}")
async def ask(request: Request, referral_id: UUID, action: str, user: Operator) -> Response:
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
    """Do it by the state that the reader has seen; what somebody did meanwhile is shown instead."""
    if action not in ACTIONS:
        raise HTTPException(404)
    body: Json = {"reason": reason or None} if action == "cancel" else {}
    try:
        if note.strip() and (reason or action != "cancel"):  # a refused act leaves no note
            body["note_id"] = await intake.write_note(user.services, str(referral_id), note)
        await referral.command(user.services, str(referral_id), action, body, version)
    except Refusal as refusal:
        if refusal.status not in {422, *_BEATEN}:
            raise
        errors = by_field(words_of(request), refusal.errors, ("reason", "note"))
        values = {"reason": reason, "note": note}
        return await _ask(request, user, str(referral_id), action, refusal.status, errors, values)
    return RedirectResponse(f"/children/{referral_id}?came=done", 303)


async def _ask(
    request: Request,
    user: User,
    referral_id: str,
    action: str,
    status: int = 200,
    errors: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> Response:
    if action not in ACTIONS:
        raise HTTPException(404)
    story = await referral.story(user.services, referral_id)
    return render(
        request, "polyclinic/action.html", status, child=_banner(story) | {"state": story["state"]}, story=story,
        action=action, address=address_of(story), reasons=list(renderer_of(request).labels.names["cancel"]),
        possible=action in story["allowed_actions"], beaten=status in _BEATEN, errors=errors or {},
        values=values or {},
    )  # fmt: skip


def address_of(story: Mapping[str, Any]) -> str:
    return f"/children/{story['id']}"


def actions_of(story: Mapping[str, Any]) -> list[str]:
    return [one for one in ACTIONS if one in story["allowed_actions"]]


def _banner(story: Json) -> Json:
    """The child for the banner; its state is in the part that moves."""
    return child_row(story, address_of(story), state=None)
