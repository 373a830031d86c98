"""A referral's page for its polyclinic: what happens now, what may be done, the data, notes and the past."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.console.pages.acting import possible_acts
from services.console.pages.polyclinic_submit import shown
from services.console.pages.submission_form import values_of
from services.console.rendering import render, words_of
from services.console.rows import short_number
from services.console.sign_in.user import Polyclinic, User
from services.console.upstream import intake, referral
from services.console.upstream.client import Json, Refusal
from services.console.words.problems import by_field

router = APIRouter()
ACTIONS = ("offer-again", "withdraw", "cancel")
"""Of a polyclinic, in the order of their buttons, where `allowed_actions` names them."""


@router.get("/referrals/{referral_id}")
async def show(request: Request, referral_id: UUID, user: Polyclinic, came: str = "") -> Response:
    """`came` says how the reader came here: `sent`, `done`, `corrected`, or `found` instead of an empty form."""
    return await _show(request, user, str(referral_id), came=came)


@router.get("/referrals/{referral_id}/progress")
async def show_progress(request: Request, referral_id: UUID, user: Polyclinic) -> Response:
    """The part that moves by itself: it reads nothing personal."""
    story = await referral.story(user.services, str(referral_id))
    return render(request, "polyclinic/progress.html", story=story, actions=possible_acts(story, ACTIONS))


@router.post("/referrals/{referral_id}/notes")
async def add_note(
    request: Request, referral_id: UUID, user: Polyclinic, text: Annotated[str, Form()] = ""
) -> Response:
    try:
        await intake.write_note(user.services, str(referral_id), text)
    except Refusal as refusal:
        if refusal.status != 422:
            raise
        errors = by_field(words_of(request), refusal.errors, ("text",))
        return await _show(request, user, str(referral_id), errors=errors, text=text)
    return RedirectResponse(f"/referrals/{referral_id}#notes", 303)


async def _show(
    request: Request,
    user: User,
    referral_id: str,
    *,
    came: str = "",
    errors: Mapping[str, str] | None = None,
    text: str = "",
) -> Response:
    record, notes, story = await asyncio.gather(
        intake.diagnosis(user.services, referral_id),
        intake.notes(user.services, referral_id),
        story_or_new(user, referral_id),
    )
    return render(
        request,
        "polyclinic/referral.html",
        422 if errors else 200,
        child=banner_of(record, story),
        record=record,
        story=story,
        actions=possible_acts(story, ACTIONS),
        values=shown(request, values_of(record)),
        notes=notes,
        came=came,
        errors=errors or {},
        text=text,
    )


async def story_or_new(user: User, referral_id: str) -> Json:
    """The story; of a referral that the referral service has not heard of yet, that it is submitted."""
    try:
        return await referral.story(user.services, referral_id)
    except Refusal as refusal:
        if refusal.status != 404:
            raise
        return {"id": referral_id, "state": "submitted", "offers": [], "history": [], "allowed_actions": []}


def banner_of(record: Mapping[str, Any], story: Mapping[str, Any]) -> Json:
    """The child for the banner; its state is in the part that moves."""
    return {
        "id": story["id"],
        "title": record["child"]["full_name"],
        "note": short_number(str(story["id"])),
        "age_months": story.get("age_months"),
        "diagnosis": record["diagnosis"]["icd10"],
        "settlement": record["settlement_id"],
        "priority": record["priority"],
    }
