"""The first page: what waits for the reader, as tiles with counts, what is overdue first."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

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
async def landing(request: Request) -> Response:
    user: User | None = request.state.user
    if user is None:
        return render(request, "landing/welcome.html")
    if user.role is Role.POLYCLINIC:
        return render(request, "landing/polyclinic.html", **await _of_polyclinic(user))
    if user.role is Role.CENTER:
        return render(request, "landing/center.html", **await _of_center(user))
    return render(request, "landing/operator.html", **await _of_operator(user.services))


async def _of_polyclinic(user: User) -> Json:
    counts, transfers = await asyncio.gather(referral.counts(user.services), intake.transfers(user.services, limit=50))
    to_decide = [one for one in transfers.items if one["state"] == "asked" and one["holder"] == user.organization]
    acts = [
        _of_state(counts, "no_show", N_("Did not come: offer again or end")),
        _of_state(counts, "unplaceable", N_("No suitable center: look again")),
        _tile(
            "/transfers", N_("Requests to take over a child"), len(to_decide), sum(one["overdue"] for one in to_decide)
        ),
    ]
    return {"acts": _overdue_first(acts), "states": [_of_state(counts, one) for one in ON_THEIR_WAY]}


async def _of_center(user: User) -> Json:
    names = [name for name, _, _ in CENTER_LISTS]
    asked = (referral.worklist(user.services, name, limit=COUNTED) for name in names)
    figures, lists = await asyncio.gather(capacity.every_figure(user.services), asyncio.gather(*asked))
    own = [one for one in figures if one["center_id"] == user.organization]
    acts = [_of_list(page, href, text) for page, (_, href, text) in zip(lists, CENTER_LISTS, strict=True)] + [
        _tile("/places", N_("Figures of places to confirm"), sum(one["stale"] for one in own))
    ]
    first = [child_row(one, f"/inbox/{one['id']}") for one in lists[0].items[:SHOWN]]
    return {"acts": _overdue_first(acts), "first": first, "programmes": own}


async def _of_operator(services: Services) -> Json:
    asked = (referral.worklist(services, "escalated", reason=reason, limit=1) for reason in REASONS)
    counts, letters, escalated = await asyncio.gather(
        referral.counts(services), referral.dead_letters(services, limit=1), asyncio.gather(*asked)
    )
    found = {reason: page.total or 0 for reason, page in zip(REASONS, escalated, strict=True)}
    reasons = [
        _tile(f"/escalated?reason={one}", one, found[one]) for one in sorted(REASONS, key=lambda one: -found[one])
    ]
    states = [
        _of_state(counts, one, href="/waiting" if one == "waiting" else f"/children?status={one}")
        for one in ON_THEIR_WAY
    ]
    return {
        "reasons": [one for one in reasons if one["count"]],
        "states": _overdue_first(states),
        "letters": letters.total or 0,
    }


def _tile(href: str, text: str, count: int, late: int = 0, **more: str) -> Json:
    return {"href": href, "text": text, "count": count, "late": late} | more


def _of_state(counts: dict[str, Json], state: str, text: str = "", href: str = "") -> Json:
    """A tile of the referrals in a state, which leads to their list; without a text the state's name is shown."""
    found = counts[state]
    return _tile(href or f"/referrals?status={state}", text, found["count"], found["overdue"], state=state)


def _of_list(page: Page, href: str, text: str) -> Json:
    now = datetime.now(UTC)
    late = sum(datetime.fromisoformat(one["deadline_at"]) < now for one in page.items if one["deadline_at"])
    return _tile(href, text, len(page.items) if page.total is None else page.total, late)


def _overdue_first(tiles: Iterable[Json]) -> list[Json]:
    return sorted(tiles, key=lambda one: (-one["late"], not one["count"]))
