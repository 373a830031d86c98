"""What a polyclinic does with its referral: end it, withdraw it, offer it again, withdraw the consent."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console.pages.polyclinic_referral import ACTIONS, banner_of
from services.console.rendering import render, renderer_of, words_of
from services.console.sign_in.user import Polyclinic, User
from services.console.upstream import intake, referral
from services.console.upstream.client import Json, Refusal
from services.console.words.problems import by_field

router = APIRouter()
_CONSENT = "withdraw-consent"
_BEATEN = frozenset({409, 412})
"""Somebody acted before."""


@router.get("/referrals/{referral_id}/do/{action}")
async def ask(request: Request, referral_id: str, action: str, user: Polyclinic) -> Response:
    _expect(action)
    return await _show(request, user, referral_id, action)


@router.post("/referrals/{referral_id}/do/{action}")
async def act(
    request: Request,
    referral_id: str,
    action: str,
    user: Polyclinic,
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    version: Annotated[int | None, Form()] = None,
) -> Response:
    """Do it by the state that the reader has seen; what somebody did meanwhile is shown instead."""
    _expect(action)
    try:
        if action == _CONSENT:
            record = await intake.diagnosis(user.services, referral_id)
            await intake.withdraw_consent(user.services, record["child_id"])
        else:
            await _command(user, referral_id, action, reason, note, version)
    except Refusal as refusal:
        if refusal.status not in {422, *_BEATEN}:
            raise
        errors = by_field(words_of(request), refusal.errors, ("reason", "note"))
        beaten = refusal.status in _BEATEN
        return await _show(request, user, referral_id, action, refusal.status, errors, beaten, reason, note)
    return RedirectResponse(f"/referrals/{referral_id}?came=done", 303)


async def _command(user: User, referral_id: str, action: str, reason: str, note: str, version: int | None) -> None:
    body: Json = {"reason": reason or None} if action == "cancel" else {}
    if action == "cancel" and not reason:  # refused without the note, which would stay
        note = ""
    if note.strip():
        body["note_id"] = await intake.write_note(user.services, referral_id, note)
    await referral.command(user.services, referral_id, action, body, version)


async def _show(
    request: Request,
    user: User,
    referral_id: str,
    action: str,
    status: int = 200,
    errors: dict[str, str] | None = None,
    beaten: bool = False,
    reason: str = "",
    note: str = "",
) -> Response:
    record = await intake.diagnosis(user.services, referral_id)
    story = await referral.story(user.services, referral_id)
    return render(
        request,
        "polyclinic/action.html",
        status,
        child=banner_of(record, story) | {"state": story["state"]},
        story=story,
        address=f"/referrals/{story['id']}",
        action=action,
        reasons=list(renderer_of(request).labels.names["cancel"]),
        possible=action == _CONSENT or action in story["allowed_actions"],
        beaten=beaten,
        errors=errors or {},
        values={"reason": reason, "note": note},
    )


def _expect(action: str) -> None:
    if action not in (*ACTIONS, _CONSENT):
        raise HTTPException(404)
