"""The first page: what waits for the reader, as tiles with counts, what is overdue first."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.addresses import flag, with_query
from services.console.rendering import render
from services.console.rows import child_row
from services.console.sign_in.user import User
from services.console.upstream import capacity, intake, referral
from services.console.upstream.client import Json, Page, Services
from services.console.words.i18n import N_
from services.contracts.vocabulary import Role

router = APIRouter()
COUNTED = 200
"""Of a worklist so many are looked at for what is overdue; they are in the order of their deadlines."""
SHOWN = 5
OURS = "/referrals"
"""A polyclinic's list."""
ON_THEIR_WAY = ("submitted", "offered", "waiting", "accepted", "admitted")
REASONS = (
    "not_routed", "unplaceable", "failed_offers", "waiting_long", "not_admitted", "not_discharged", "not_offered_again",
)  # fmt: skip
"""Why a referral is the operators'."""
CENTER_LISTS = (
    ("to-answer", "/inbox", N_("Offers to answer")),
    ("to-admit", "/weeks", N_("Children to admit")),
    ("in-care", "/weeks", N_("Children in care")),
)


@router.get("/")
async def landing(request: Request, mine: str = "") -> Response:
    """`mine`: only what the reader did."""
    user: User | None = request.state.user
    if user is None:
        return render(request, "landing/welcome.html")
    if user.role is Role.POLYCLINIC:
        return render(request, "landing/polyclinic.html", mine=mine, **await _of_polyclinic(user, mine))
    if user.role is Role.CENTER:
        return render(request, "landing/center.html", mine=mine, **await _of_center(user, mine))
    return render(request, "landing/operator.html", **await _of_operator(user.services))


async def _of_polyclinic(user: User, mine: str) -> Json:
    counts, asked, late = await asyncio.gather(
        referral.counts(user.services, mine=flag(mine)),
        intake.transfers(user.services, to_decide=True, limit=1),
        intake.transfers(user.services, to_decide=True, overdue=True, limit=1),
    )
    acts = [
        _of_state(counts, "no_show", OURS, N_("Did not come: offer again or end"), mine),
        _of_state(counts, "unplaceable", OURS, N_("No suitable center: look again"), mine),
        _tile("/transfers?only=to-decide", N_("Requests to take over a child"), asked.total or 0),
        _late_transfers("/transfers?only=overdue", late),
    ]
    return {"acts": _overdue_first(acts), "states": [_of_state(counts, one, OURS, mine=mine) for one in ON_THEIR_WAY]}


async def _of_center(user: User, mine: str) -> Json:
    names = [name for name, _, _ in CENTER_LISTS]
    asked = (referral.worklist(user.services, name, mine=flag(mine), limit=COUNTED) for name in names)
    figures, lists = await asyncio.gather(capacity.every_figure(user.services), asyncio.gather(*asked))
    ours = [one for one in figures if one["center_id"] == user.organization]
    acts = [
        *(
            _of_list(page, with_query(href, mine=mine), text)
            for page, (_, href, text) in zip(lists, CENTER_LISTS, strict=True)
        ),
        _tile("/places", N_("Figures of places to confirm"), sum(one["stale"] for one in ours)),
    ]
    first = [child_row(one, f"/inbox/{one['id']}") for one in lists[0].items[:SHOWN]]
    return {"acts": _overdue_first(acts), "first": first, "programmes": ours}


async def _of_operator(services: Services) -> Json:
    counts, letters, late, found = await asyncio.gather(
        referral.counts(services), referral.dead_letters(services, limit=1),
        intake.transfers(services, overdue=True, limit=1), referral.escalated(services),
    )  # fmt: skip
    reasons = [
        _tile(f"/escalated?reason={one}", one, found[one]) for one in sorted(REASONS, key=lambda one: -found[one])
    ]
    states = [_of_state(counts, one, "/children") for one in ON_THEIR_WAY]
    return {
        "reasons": [one for one in reasons if one["count"]],
        "transfers": [_late_transfers("/late-transfers", late)],
        "states": _overdue_first(states),
        "letters": letters.total or 0,
    }


def _late_transfers(href: str, late: Page) -> Json:
    text, count = N_("Requests between polyclinics that nobody answered in time"), late.total or 0
    return _tile(href, text, count, count) | {"all_late": True}


def _tile(href: str, text: str, count: int, late: int = 0, **more: str) -> Json:
    return {"href": href, "text": text, "count": count, "late": late} | more


def _of_state(counts: dict[str, Json], state: str, lists: str, text: str = "", mine: str = "") -> Json:
    """A tile of the referrals in a state, which leads to their list; without a text the state's name is shown."""
    found, late = counts[state], with_query(lists, status=state, overdue="1", mine=mine)
    href = with_query(lists, status=state, mine=mine)
    return _tile(href, text, found["count"], found["overdue"], state=state, late_href=late)


def _of_list(page: Page, href: str, text: str) -> Json:
    now = datetime.now(UTC)
    late = sum(datetime.fromisoformat(one["deadline_at"]) < now for one in page.items if one["deadline_at"])
    return _tile(href, text, len(page.items) if page.total is None else page.total, late)


def _overdue_first(tiles: Iterable[Json]) -> list[Json]:
    return sorted(tiles, key=lambda one: (-one["late"], not one["count"]))
