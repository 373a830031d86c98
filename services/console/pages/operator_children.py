"""The children whom a figure counts: lists by state, region, age, programme and day, and queues."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.console.addresses import flag, pages_beside
from services.console.rendering import render, renderer_of, words_of
from services.console.rows import child_row
from services.console.sign_in.user import Operator, User
from services.console.upstream import capacity, referral
from services.console.upstream.client import Json, Page, Refusal
from services.console.words.i18n import N_, Words
from services.contracts.vocabulary import CLOSED, ReferralState

router = APIRouter()
ROWS = 25
GROUPS: Mapping[str, str] = {
    "held": "offered,accepted",
    "open": ",".join(one for one in ReferralState if one not in CLOSED),
}
"""Several states that are counted as one."""
AGES: Mapping[str, tuple[int, int | None, str]] = {
    "0": (0, 36, N_("Under 3 years")),
    "36": (36, 84, N_("3 to 6 years")),
    "84": (84, 144, N_("7 to 11 years")),
    "144": (144, None, N_("12 years and older")),
}
"""The age groups by which the referral service counts, in months."""
Text = Annotated[str, Query(max_length=64)]


@router.get("/children")
async def show_children(
    request: Request,
    user: Operator,
    status: Text = "",
    region: Text = "",
    age: Text = "",
    programme: Text = "",
    submitted: Text = "",
    admitted: Text = "",
    hour: Text = "",
    overdue: Text = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """`submitted` and `admitted` are a day, or the first and the last one with `/` between; `hour` is of one day."""
    given = {
        "status": status if status in {*ReferralState, *GROUPS} else "",
        "region": region if region in renderer_of(request).labels.names["region"] else "",
        "age": age if age in AGES else "", "programme": programme, "submitted": submitted, "admitted": admitted,
        "hour": hour, "overdue": overdue,
    }  # fmt: skip
    filters = _filters(given)
    try:
        page = await referral.referrals(user.services, **filters, cursor=cursor or None, limit=ROWS)
    except Refusal as refusal:
        if refusal.status != 422:
            raise
        page = Page([], None, None)  # a programme that was closed, or a day that is none
    figure = await _figure(user, programme) if programme else None
    return render(
        request, "operator/children.html", rows=[child_row(one, f"/children/{one['id']}") for one in page.items],
        given=given, shown=_said(request, given, figure), states=[*ReferralState, *GROUPS], ages=AGES,
        regions=list(renderer_of(request).labels.names["region"]),
        **pages_beside("/children", cursor, page.next, **given),
    )  # fmt: skip


@router.get("/queues/{programme_id}")
async def show_queue(
    request: Request, user: Operator, programme_id: str, cursor: Annotated[str, Query(max_length=400)] = ""
) -> Response:
    """Who waits for a programme, in order."""
    page = await capacity.queue(user.services, programme_id, cursor=cursor or None, limit=ROWS)
    figure = await _figure(user, programme_id)
    stories = await asyncio.gather(*(referral.story(user.services, one["referral_id"]) for one in page.items))
    return render(
        request, "operator/queue.html", figure=figure, programme_id=programme_id,
        rows=[child_row(one, f"/children/{one['id']}") for one in stories],
        **pages_beside(f"/queues/{programme_id}", cursor, page.next),
    )  # fmt: skip


async def _figure(user: User, programme_id: str) -> Json | None:
    figures = await capacity.every_figure(user.services)
    return next((one for one in figures if one["programme_id"] == programme_id), None)


def _filters(given: Mapping[str, str]) -> Json:
    """As the referral service's API names them."""
    least, under, _ = AGES.get(given["age"], (None, None, ""))
    submitted, admitted = _days(given["submitted"]), _days(given["admitted"])
    return {
        "status": GROUPS.get(given["status"], given["status"] or None),
        "overdue": flag(given["overdue"]), "hour": given["hour"] or None, "region_id": given["region"] or None,
        "programme_id": given["programme"] or None, "age_from_months": least, "age_under_months": under,
        "submitted_from": submitted[0], "submitted_through": submitted[1],
        "admitted_from": admitted[0], "admitted_through": admitted[1],
    }  # fmt: skip


def _days(text: str) -> tuple[str | None, str | None]:
    first, _, last = text.partition("/")
    return first or None, (last or first) or None


def _said(request: Request, given: Mapping[str, str], figure: Json | None) -> list[str]:
    """What is shown, in the reader's words."""
    words, labels = words_of(request), renderer_of(request).labels
    found = [
        labels.label(words, given["status"], "state"),
        words.gettext(N_("past their deadline")) if given["overdue"] else "",
        labels.label(words, given["region"], "region"),
        words.gettext(AGES[given["age"]][2]) if given["age"] else "",
        labels.label(words, figure["center_id"], "center") if figure else given["programme"],
        labels.label(words, figure["modality"], "modality") if figure else "",
    ]
    days = {"submitted": N_("submitted: %(days)s"), "admitted": N_("came to the center: %(days)s")}
    chosen = {name: _day_range(words, given[name]) for name in days if given[name]}
    found += [words.gettext(days[name]) % {"days": text} for name, text in chosen.items()]
    found += [f"{given['hour']}:00–{given['hour']}:59"] if given["hour"] else []
    return [one for one in found if one]


def _day_range(words: Words, text: str) -> str:
    try:
        return " – ".join(words.day(one) for one in text.split("/"))
    except ValueError:
        return text
