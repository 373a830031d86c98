"""The audit logs of intake and the referral service: search, and whether they are as they were written."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.console.addresses import pages_beside
from services.console.pages.number import with_number
from services.console.rendering import render, words_of
from services.console.sign_in.user import Operator, User
from services.console.upstream import intake, referral
from services.console.upstream.client import Json, Page, Refusal
from services.console.words.i18n import N_

router = APIRouter()
LOGS = {"referral": N_("Referrals and places"), "intake": N_("Children's data")}
_MODULES = {"referral": referral, "intake": intake}
ROWS, CHECKS = 50, 10
"""Entries of a page; and parts of 2,000 entries that one request checks."""
UNKNOWN = N_("No referral has this number. Compare it with the paper")
Text = Annotated[str, Query(max_length=400)]


@router.get("/audit-log")
async def show_log(request: Request, user: Operator, log: str = "", about: Text = "", cursor: Text = "") -> Response:
    """`about`: a referral's short number, or an id of a child or a referral. Looking is entered too."""
    wanted, about = (log if log in LOGS else "referral"), about.strip()
    named = await with_number(user, about)
    sought = about if named is None else named[0]["id"] if len(named) == 1 else None
    page = Page([], None, None) if sought is None else await _entries(user, wanted, sought, cursor)
    errors = {"about": words_of(request).gettext(UNKNOWN)} if named == [] else {}
    return render(
        request, "operator/audit_log.html", 422 if errors else 200, entries=page.items, log=wanted, logs=LOGS,
        about=about, sought=sought or "", named=named or [], errors=errors,
        **pages_beside("/audit-log", cursor, page.next, log=wanted, about=about),
    )  # fmt: skip


async def _entries(user: User, log: str, about: str, cursor: str) -> Page:
    try:
        page: Page = await _MODULES[log].audit_log(
            user.services, about=about or None, cursor=cursor or None, limit=ROWS
        )
    except Refusal as refusal:
        if refusal.status != 422:
            raise
        return Page([], None, None)
    return page


@router.get("/audit-log/check")
async def check_log(
    request: Request, user: Operator, log: str = "", after: Annotated[int, Query(ge=0, lt=2**62)] = 0
) -> Response:
    """Some thousand entries at once; the page leads on."""
    wanted = log if log in LOGS else "referral"
    parts: list[Json] = []
    following: int | None = after
    while following is not None and len(parts) < CHECKS:
        parts.append(await _MODULES[wanted].check_audit_log(user.services, following))
        following = parts[-1]["next"]
    return render(
        request, "operator/audit_check.html", log=wanted, logs=LOGS, first=parts[0]["first"], last=parts[-1]["last"],
        count=sum(one["count"] for one in parts), findings=[each for one in parts for each in one["findings"]],
        head=parts[-1]["head_hash"], cut=parts[-1]["cut"], following=following,
    )  # fmt: skip
