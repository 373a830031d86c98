"""A center's offers to answer: urgent ones first, then those whose time runs out."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.addresses import flag, pages_beside
from services.console.rendering import render, renderer_of, words_of
from services.console.rows import child_row
from services.console.sign_in.user import Center, User
from services.console.upstream import referral
from services.console.upstream.client import Json, Page
from services.contracts.vocabulary import Priority

router = APIRouter()
A_PAGE = 100
"""Offers on a page; a center has seldom more, for each holds a place."""


@router.get("/inbox")
async def show_inbox(
    request: Request, user: Center, mine: str = "", cursor: str | None = None, done: str = "", last: UUID | None = None
) -> Response:
    """`done` and `last` say what the reader did before, and with which referral."""
    page, care = await asyncio.gather(
        referral.worklist(user.services, "to-answer", mine=flag(mine), cursor=cursor, limit=A_PAGE), modalities(user)
    )
    return render(
        request, "center/inbox.html", offers=[_row(request, one, care) for one in in_order(page)],
        count=len(page.items) if page.total is None else page.total, done=done, last=last,
        mine=mine, **pages_beside("/inbox", cursor, page.next, mine=mine),
    )  # fmt: skip


def _row(request: Request, one: Json, care: Mapping[str, str]) -> Json:
    words, labels = words_of(request), renderer_of(request).labels
    until = words.gettext("Answer by %(moment)s") % {"moment": words.deadline(one["deadline_at"])}
    note = f"{labels.label(words, care.get(one['programme_id']), 'modality')} · {until}"
    return child_row(one, f"/inbox/{one['id']}", note=note)


async def modalities(user: User) -> dict[str, str]:
    """By the center's programmes."""
    center = await referral.center(user.services, user.organization)
    return {one["id"]: one["modality"] for one in center["programmes"]}


def in_order(page: Page) -> list[Json]:
    """Urgent ones first, each kind by the time that is left."""
    order = list(Priority)
    return sorted(page.items, key=lambda one: (order.index(one["priority"]), one["deadline_at"]))


async def next_offer(user: User) -> str | None:
    """The referral to answer first."""
    page = await referral.worklist(user.services, "to-answer", limit=A_PAGE)
    return next((str(one["id"]) for one in in_order(page)), None)
