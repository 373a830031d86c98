"""Children whose way needs an operator's decision, and requests between polyclinics that nobody answered in time."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from services.console.addresses import pages_beside
from services.console.pages.landing import REASONS
from services.console.rendering import render
from services.console.rows import child_row
from services.console.sign_in.user import Operator
from services.console.upstream import intake, referral
from services.console.upstream.client import Json, Refusal

router = APIRouter()
ROWS = 25
Cursor = Annotated[str, Query(max_length=400)]


@router.get("/escalated")
async def show_escalated(request: Request, user: Operator, reason: str = "", cursor: Cursor = "") -> Response:
    """The longest there first."""
    wanted = reason if reason in REASONS else None
    page, late, counts = await asyncio.gather(
        referral.worklist(user.services, "escalated", reason=wanted, cursor=cursor or None, limit=ROWS),
        intake.transfers(user.services, overdue=True, limit=1),
        referral.escalated(user.services),
    )
    found = {one: counts[one] for one in REASONS}
    return render(
        request, "operator/escalated.html", reason=wanted, reasons={one: n for one, n in found.items() if n},
        total=sum(found.values()), late=bool(late.items),
        rows=[_row(one) for one in page.items],
        **pages_beside("/escalated", cursor, page.next, reason=wanted),
    )  # fmt: skip


def _row(one: Json) -> Json:
    why = {"escalation": one["escalation"], "escalated_at": one["escalated_at"]}
    return child_row(one, f"/children/{one['id']}", due=None, **why)


@router.get("/late-transfers")
async def show_late(request: Request, user: Operator, came: str = "", cursor: Cursor = "") -> Response:
    page = await intake.transfers(user.services, overdue=True, cursor=cursor or None, limit=ROWS)
    beside = pages_beside("/late-transfers", cursor, page.next)
    return render(request, "operator/late_transfers.html", transfers=page.items, came=came, **beside)


@router.post("/late-transfers/{transfer_id}")
async def decide(transfer_id: UUID, user: Operator, answer: Annotated[Literal["accept", "refuse"], Form()]) -> Response:
    """Give or keep it; one that somebody has decided already is said."""
    try:
        await intake.decide_transfer(user.services, str(transfer_id), accept=answer == "accept")
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        return RedirectResponse("/late-transfers?came=late", 303)
    return RedirectResponse("/late-transfers?came=decided", 303)
