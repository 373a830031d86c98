"""Who waits, by region and age, and where the queues are longest; each number leads to whom it counts."""

import asyncio
from collections import defaultdict

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.pages.operator_children import AGES
from services.console.rendering import render, renderer_of
from services.console.sign_in.user import Operator
from services.console.upstream import capacity, referral
from services.console.upstream.client import Json

router = APIRouter()
QUEUES = 10


@router.get("/waiting")
async def show_waiting(request: Request, user: Operator) -> Response:
    counts, figures, centers = await asyncio.gather(
        referral.by_region(user.services), capacity.every_figure(user.services), referral.every_center(user.services)
    )
    found = table(counts)
    ordered = {one: found[one] for one in renderer_of(request).labels.names["region"] if one in found}
    longest = sorted((one for one in figures if one["waiting"]), key=lambda one: -one["waiting"])[:QUEUES]
    return render(
        request, "operator/waiting.html", found=ordered, ages=AGES, longest=longest,
        named={one["id"]: one for one in centers}, total=sum(one["count"] for one in counts),
    )  # fmt: skip


def table(counts: list[Json]) -> dict[str, dict[str, int]]:
    """By region and age group."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for one in counts:
        found[one["region_id"]][str(one["age_from_months"])] = one["count"]
    return dict(found)
