"""Messages that could not be processed: the list, one of them, another try, or set aside with a reason."""

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from services.console.addresses import pages_beside
from services.console.rendering import render, words_of
from services.console.sign_in.user import Operator, User
from services.console.upstream import referral
from services.console.upstream.client import Refusal
from services.console.words.problems import by_field

router = APIRouter()
ROWS = 25
STATES = ("open", "retrying", "discarded", "settled")


@router.get("/dead-letters")
async def show_letters(
    request: Request, user: Operator, state: str = "open", cursor: Annotated[str, Query(max_length=400)] = ""
) -> Response:
    """The oldest first."""
    wanted = state if state in STATES else "open"
    page = await referral.dead_letters(user.services, state=wanted, cursor=cursor or None, limit=ROWS)
    return render(
        request, "operator/dead_letters.html", letters=page.items, state=wanted, states=STATES, total=page.total or 0,
        **pages_beside("/dead-letters", cursor, page.next, state=wanted),
    )  # fmt: skip


@router.get("/dead-letters/{letter_id}")
async def show_letter(request: Request, letter_id: UUID, user: Operator, came: str = "") -> Response:
    return await _show(request, user, letter_id, came)


@router.post("/dead-letters/{letter_id}")
async def decide(
    request: Request,
    letter_id: UUID,
    user: Operator,
    act: Annotated[Literal["retry", "discard"], Form()],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """What somebody has decided meanwhile is shown instead."""
    try:
        if act == "retry":
            await referral.retry_dead_letter(user.services, str(letter_id))
        else:
            await referral.discard_dead_letter(user.services, str(letter_id), reason)
    except Refusal as refusal:
        if refusal.status not in (409, 422):
            raise
        errors = by_field(words_of(request), refusal.errors, ("reason",))
        return await _show(request, user, letter_id, "late" if refusal.status == 409 else "", errors, reason)
    return RedirectResponse(f"/dead-letters/{letter_id}?came=done", 303)


async def _show(
    request: Request, user: User, letter_id: UUID, came: str, errors: Mapping[str, str] | None = None, reason: str = ""
) -> Response:
    letter = await referral.dead_letter(user.services, str(letter_id))
    status = 422 if errors else 200
    return render(
        request, "operator/dead_letter.html", status, letter=letter, came=came, errors=errors or {}, reason=reason
    )
