"""The audit of places: the record against the places in use, and its repair."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.rendering import render
from services.console.sign_in.user import Operator
from services.console.upstream import referral

router = APIRouter()


@router.get("/audit")
async def show_audit(request: Request, user: Operator) -> Response:
    """Compares at once; it takes seconds when something may be on its way."""
    found, letters = await asyncio.gather(referral.audit(user.services), referral.dead_letters(user.services, limit=1))
    return render(request, "operator/audit.html", found=_shown(found), letters=letters.total or 0, repaired=None)


@router.post("/audit")
async def repair(request: Request, user: Operator) -> Response:
    """Rebuild the places in use from the record; new claims wait a moment meanwhile. Repeating it changes nothing."""
    done = await referral.repair(user.services)
    letters = await referral.dead_letters(user.services, limit=1)
    return render(
        request, "operator/audit.html", found=_shown(done["audit"]), letters=letters.total or 0,
        repaired={"changed": len(done["changed"]), "handed_over": done["handed_over"]},
    )  # fmt: skip


def _shown(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**found, "differences": [{**one, "differing": differing(one)} for one in found["differences"]]}


def differing(one: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The members of a difference that are not the same on both sides: name, by the record, in use."""
    record, capacity = one["record"] or {}, one["capacity"] or {}
    names = sorted(record.keys() | capacity.keys())
    return [
        (name, str(record.get(name, "–")), str(capacity.get(name, "–")))
        for name in names
        if record.get(name) != capacity.get(name)
    ]
