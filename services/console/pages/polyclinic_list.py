"""The referrals of a polyclinic: search by an IIN or a number, filters that say what is hidden, and a pager."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.console.addresses import flag, with_query
from services.console.pages.number import show_found
from services.console.pages.polyclinic_find import referrals_of
from services.console.rendering import render, words_of
from services.console.rows import child_row, short_number
from services.console.sign_in.user import Polyclinic, User
from services.console.upstream import intake, referral
from services.console.upstream.client import Json, Refusal
from services.console.words.i18n import N_, Words
from services.console.words.problems import by_field
from services.contracts.short_numbers import read_short_number
from services.contracts.vocabulary import ReferralState

router = APIRouter()
ROWS, IIN_DIGITS = 25, 12
NEITHER = N_("Type an IIN of twelve digits, or a number of six signs such as № 1A2B3C. A name cannot be searched for")
UNKNOWN = N_("You have no referral of a child with this IIN")


@router.get("/referrals")
async def show(
    request: Request,
    user: Polyclinic,
    status: str = "",
    mine: str = "",
    overdue: str = "",
    cursor: str = "",
    trail: str = "",
) -> Response:
    """`trail` has the cursors of the pages before, for the way back."""
    return await _show(request, user, status, mine, overdue, cursor, trail)


async def _show(
    request: Request, user: User, status: str = "", mine: str = "", overdue: str = "", cursor: str = "",
    trail: str = "", *, wanted: str = "", error: str = "",
) -> Response:  # fmt: skip
    """The list; `wanted` was looked for, and `error` says why nothing is shown for it."""
    only = status if status in set(ReferralState) else None
    filters = {"status": only, "mine": flag(mine), "overdue": flag(overdue)}
    page = await referral.referrals(user.services, **filters, cursor=cursor or None, limit=ROWS)
    names = await intake.names(user.services, [one["id"] for one in page.items])
    before = trail.split(",") if trail else []
    return render(
        request,
        "polyclinic/list.html",
        422 if error else 200,
        rows=[_row(one, names.get(one["id"], "")) for one in page.items],
        only=only,
        wanted=wanted,
        errors={"wanted": error} if error else {},
        mine=mine,
        overdue=overdue,
        whose={one: _address(only, one, overdue) for one in ("", "1")},
        states=list(ReferralState),
        previous=_address(only, mine, overdue, before.pop() if before else "", before) if cursor else None,
        next=_address(only, mine, overdue, page.next, [*trail.split(","), cursor]) if page.next else None,
    )


@router.post("/referrals")
async def search(request: Request, user: Polyclinic, wanted: Annotated[str, Form()] = "") -> Response:
    """A referral by its number on paper or its id, or a child by its IIN, which never stands in an address."""
    if read_short_number(wanted):
        return await show_found(request, user, wanted)
    with suppress(ValueError):
        return RedirectResponse(f"/referrals/{UUID(wanted.strip())}", 303)
    try:
        child = await intake.look_up(user.services, wanted)
    except Refusal as refusal:
        if refusal.status not in (404, 422):
            raise
        return await _show(request, user, wanted=wanted, error=_told(words_of(request), wanted, refusal))
    if found := await referrals_of(user, child):
        return RedirectResponse(f"/referrals/{found[0]['id']}", 303)
    return await _show(request, user, wanted=wanted, error=words_of(request).gettext(UNKNOWN))


def _told(words: Words, wanted: str, refusal: Refusal) -> str:
    """Why nothing is found: what is wrong with an IIN, or that it is none."""
    if refusal.status == 404:
        return words.gettext(UNKNOWN)
    is_iin = sum(map(str.isdecimal, wanted)) >= IIN_DIGITS
    return (is_iin and by_field(words, refusal.errors, ("iin",)).get("iin")) or words.gettext(NEITHER)


def _address(status: str | None, mine: str, overdue: str, cursor: str = "", before: Sequence[str] = ()) -> str:
    trail = ",".join(filter(None, before))
    return with_query("/referrals", status=status, mine=mine, overdue=overdue, cursor=cursor, trail=trail)


def _row(one: Json, name: str) -> Json:
    due = one["deadline_at"] if one["owner"] == "polyclinic" else None
    more = {"center": one["center_id"], "submitted_at": one["submitted_at"], "due": due}
    return child_row(one, f"/referrals/{one['id']}", title=name or short_number(one["id"]), **more)
