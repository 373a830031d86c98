"""The referrals of a polyclinic: search by an IIN or a number, filters that say what is hidden, and a pager."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.console.addresses import flag, with_query
from services.console.pages.number import show_found
from services.console.pages.polyclinic_find import find
from services.console.rendering import render
from services.console.rows import child_row, short_number
from services.console.sign_in.user import Polyclinic
from services.console.upstream import intake, referral
from services.console.upstream.client import Json
from services.contracts.short_numbers import read_short_number
from services.contracts.vocabulary import ReferralState

router = APIRouter()
ROWS = 25


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
    wanted = status if status in set(ReferralState) else None
    filters = {"status": wanted, "mine": flag(mine), "overdue": flag(overdue)}
    page = await referral.referrals(user.services, **filters, cursor=cursor or None, limit=ROWS)
    names = await intake.names(user.services, [one["id"] for one in page.items])
    before = trail.split(",") if trail else []
    return render(
        request,
        "polyclinic/list.html",
        rows=[_row(one, names.get(one["id"], "")) for one in page.items],
        only=wanted,
        mine=mine,
        overdue=overdue,
        whose={one: _address(wanted, one, overdue) for one in ("", "1")},
        states=list(ReferralState),
        previous=_address(wanted, mine, overdue, before.pop() if before else "", before) if cursor else None,
        next=_address(wanted, mine, overdue, page.next, [*trail.split(","), cursor]) if page.next else None,
    )


@router.post("/referrals")
async def search(request: Request, user: Polyclinic, wanted: Annotated[str, Form()] = "") -> Response:
    """A referral by its number on paper or its id, or a child by its IIN, which never stands in an address."""
    if read_short_number(wanted):
        return await show_found(request, user, wanted)
    try:
        return RedirectResponse(f"/referrals/{UUID(wanted.strip())}", 303)
    except ValueError:
        return await find(request, user, wanted)


def _address(status: str | None, mine: str, overdue: str, cursor: str = "", before: Sequence[str] = ()) -> str:
    trail = ",".join(filter(None, before))
    return with_query("/referrals", status=status, mine=mine, overdue=overdue, cursor=cursor, trail=trail)


def _row(one: Json, name: str) -> Json:
    due = one["deadline_at"] if one["owner"] == "polyclinic" else None
    more = {"center": one["center_id"], "submitted_at": one["submitted_at"], "due": due}
    return child_row(one, f"/referrals/{one['id']}", title=name or short_number(one["id"]), **more)
