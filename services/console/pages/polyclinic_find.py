"""Before a submission: find the child by its IIN. An open referral is shown instead of an empty form."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.console.pages.polyclinic_referral import story_or_new
from services.console.pages.polyclinic_submit import draft_owner, show_form
from services.console.pages.submission_form import values_of
from services.console.rendering import render, words_of
from services.console.sign_in.user import Polyclinic, User
from services.console.upstream import intake
from services.console.upstream.client import Json, Refusal
from services.console.words.problems import by_field
from services.contracts.vocabulary import CLOSED

router = APIRouter()
MOST = 10
"""Referrals of one child that are looked at, the newest first."""


@router.get("/find-child")
async def ask(request: Request, user: Polyclinic) -> Response:
    return render(request, "polyclinic/find.html", iin="", errors={}, draft_owner=draft_owner(request, user))


@router.post("/find-child")
async def find(request: Request, user: Polyclinic, iin: Annotated[str, Form()] = "") -> Response:
    """The child's open referral; else the form with what is known. The IIN is never in an address."""
    try:
        child = await intake.look_up(user.services, iin)
    except Refusal as refusal:
        if refusal.status == 422:
            errors = by_field(words_of(request), refusal.errors, ("iin",))
            owner = draft_owner(request, user)
            return render(request, "polyclinic/find.html", 422, iin=iin, errors=errors, draft_owner=owner)
        if refusal.status != 404:
            raise
        return await show_form(request, user, values_of({"child": {"iin": iin.strip()}}))
    earlier = await referrals_of(user, child)
    if earlier and earlier[0]["state"] not in CLOSED:
        return RedirectResponse(f"/referrals/{earlier[0]['id']}?came=found", 303)
    return await show_form(request, user, values_of(child), earlier=earlier)


async def referrals_of(user: User, child: Json) -> list[Json]:
    """The child's referrals, an open one first, then the newest."""
    found = [await story_or_new(user, one["referral_id"]) for one in child["referrals"][:MOST]]
    return sorted(found, key=lambda one: one["state"] in CLOSED)
