"""What a polyclinic does with its referral: end it, withdraw it, offer it again, withdraw the consent."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console.pages.acting import EMPTY, Typed, command, show_act, was_done
from services.console.pages.polyclinic_referral import ACTIONS, banner_of
from services.console.sign_in.user import Polyclinic, User
from services.console.upstream import intake, referral
from services.console.upstream.client import Refusal

router = APIRouter()
_CONSENT = "withdraw-consent"


@router.get("/referrals/{referral_id}/do/{action}")
async def ask(request: Request, referral_id: UUID, action: str, user: Polyclinic) -> Response:
    _expect(action)
    return await _ask(request, user, str(referral_id), action)


@router.post("/referrals/{referral_id}/do/{action}")
async def act(
    request: Request,
    referral_id: UUID,
    action: str,
    user: Polyclinic,
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    version: Annotated[int | None, Form()] = None,
) -> Response:
    """What somebody did meanwhile is shown instead."""
    _expect(action)
    id, typed = str(referral_id), Typed(reason, note)
    try:
        if action == _CONSENT:
            record = await intake.diagnosis(user.services, id)
            await intake.withdraw_consent(user.services, record["child_id"])
        else:
            await command(user, id, action, typed, version)
    except Refusal as refusal:
        if not (refusal.beaten or refusal.status == 422):
            raise
        if not await was_done(user, id, refusal, action, typed, version):
            return await _ask(request, user, id, action, refusal, typed)
    return RedirectResponse(f"/referrals/{id}?came=done", 303)


async def _ask(
    request: Request, user: User, id: str, action: str, refusal: Refusal | None = None, typed: Typed = EMPTY
) -> Response:
    record, story = await asyncio.gather(intake.diagnosis(user.services, id), referral.story(user.services, id))
    possible = [*story["allowed_actions"], _CONSENT]
    return show_act(
        request, story, banner_of(record, story), f"/referrals/{story['id']}", action, possible, refusal, typed
    )


def _expect(action: str) -> None:
    if action not in (*ACTIONS, _CONSENT):
        raise HTTPException(404)
