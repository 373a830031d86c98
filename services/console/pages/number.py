"""A referral by the short number on its paper, for whoever may see it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from services.console.rendering import render, words_of
from services.console.rows import child_row
from services.console.sign_in.user import SignedIn, User
from services.console.upstream import referral
from services.console.upstream.client import Json
from services.console.words.i18n import N_
from services.contracts.short_numbers import read_short_number
from services.contracts.vocabulary import Role

router = APIRouter()
MOST = 20
"""Referrals with one number; some million have others."""
_PLACES = {Role.POLYCLINIC: "/referrals", Role.CENTER: "/inbox"}
NO_NUMBER = N_("A number has six signs, 0 to 9 and A to F, such as № 1A2B3C. It stands at the top of the paper")
UNKNOWN = N_("You have no referral with this number. Compare it with the paper")


@router.get("/number")
async def find(request: Request, user: SignedIn, number: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The referral's page; the list where several have the number, and the form again where none has."""
    return await show_found(request, user, number)


async def with_number(user: User, typed: str) -> list[Json] | None:
    """The referrals with that short number which the user may see; None when it is no number."""
    known = read_short_number(typed)
    return (await referral.referrals(user.services, number=known, limit=MOST)).items if known else None


async def show_found(request: Request, user: User, number: str) -> Response:
    place, words = _PLACES.get(user.role, "/children"), words_of(request)
    known = await with_number(user, number)
    found = known or []
    if len(found) == 1:
        return RedirectResponse(f"{place}/{found[0]['id']}", 303)
    text = "" if found or not number.strip() else NO_NUMBER if known is None else UNKNOWN
    errors = {"number": words.gettext(text)} if text else {}
    rows = [child_row(one, f"{place}/{one['id']}", note=words.moment(one["submitted_at"])) for one in found]
    return render(request, "number.html", 422 if errors else 200, number=number, rows=rows, errors=errors)
