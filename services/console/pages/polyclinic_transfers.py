"""Transfers: a child's open referral is asked for, and given or kept by the polyclinic that has it."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.console.addresses import pages_beside
from services.console.rendering import render, words_of
from services.console.sign_in.user import Polyclinic
from services.console.upstream import intake
from services.console.upstream.client import Refusal
from services.console.words.problems import by_field

router = APIRouter()
TO_DECIDE, OVERDUE = "to-decide", "overdue"
FIELDS = ("iin", "full_name", "birth_date")


@router.get("/transfers")
async def show(request: Request, user: Polyclinic, only: str = "", came: str = "", cursor: str = "") -> Response:
    """`only`: `to-decide`, those that wait for this polyclinic, or `overdue` of these."""
    late = only == OVERDUE
    page = await intake.transfers(
        user.services, to_decide=late or only == TO_DECIDE, overdue=late, cursor=cursor or None, limit=50
    )
    names = await intake.names(user.services, [one["referral_id"] for one in page.items if one["referral_id"]])
    of_us = [one for one in page.items if one["holder"] == user.organization]
    by_us = [one for one in page.items if one["to_polyclinic"] == user.organization]
    beside = pages_beside("/transfers", cursor, page.next, only=only)
    return render(
        request, "polyclinic/transfers.html", of_us=of_us, by_us=by_us, names=names, came=came,
        only=only if only in (TO_DECIDE, OVERDUE) else "", **beside,
    )  # fmt: skip


@router.get("/transfers/ask")
async def begin(request: Request, user: Polyclinic) -> Response:
    return render(request, "polyclinic/transfer.html", values={}, errors={})


@router.post("/transfers/ask")
async def ask(
    request: Request,
    user: Polyclinic,
    iin: Annotated[str, Form()] = "",
    full_name: Annotated[str, Form()] = "",
    birth_date: Annotated[str, Form()] = "",
) -> Response:
    """The answer is the same whether there is such a child or not."""
    try:
        await intake.ask_for_transfer(user.services, iin, full_name, birth_date)
    except Refusal as refusal:
        if refusal.status != 422:
            raise
        values = {"iin": iin, "full_name": full_name, "birth_date": birth_date}
        errors = by_field(words_of(request), refusal.errors, FIELDS)
        return render(request, "polyclinic/transfer.html", 422, values=values, errors=errors)
    return RedirectResponse("/transfers?came=asked", 303)


@router.post("/transfers/{transfer_id}")
async def decide(
    request: Request, transfer_id: UUID, user: Polyclinic, answer: Annotated[Literal["accept", "refuse"], Form()]
) -> Response:
    """Give or keep it; one that somebody has decided already is shown as it is."""
    try:
        await intake.decide_transfer(user.services, str(transfer_id), accept=answer == "accept")
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        return RedirectResponse("/transfers?came=late", 303)
    return RedirectResponse("/transfers?came=decided", 303)
