"""Whether each part of the network is ready."""

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.rendering import render
from services.console.sign_in.admission import console_of
from services.console.sign_in.user import Operator
from services.console.upstream.client import Api, Json, Unavailable
from services.console.words.i18n import N_
from services.kit.redis_cluster import REDIS_ERRORS

router = APIRouter()
NAMES = {
    "console": N_("These pages"),
    "intake": N_("Children and diagnoses"),
    "referral": N_("Referrals and centers"),
    "capacity": N_("Places and queues"),
    "intake-relay": N_("Passes diagnoses on"),
    "referral-worker": N_("Finds a place for each child"),
    "referral-relay": N_("Passes the steps of referrals on"),
    "capacity-relay": N_("Passes the steps of places on"),
}
APIS = ("intake", "referral", "capacity")


@router.get("/services")
async def show_services(request: Request, user: Operator) -> Response:
    """Asked anew each time; a service that does not answer is not ready."""
    apis = (_readiness(getattr(user.services, one)) for one in APIS)
    processes, *found = await asyncio.gather(console_of(request).processes.readiness(), *apis)
    own = {"ready": await _sessions(request), "checks": {}}
    shown = {"console": own, **dict(zip(APIS, found, strict=True)), **processes}
    return render(request, "operator/services.html", found=shown, names=NAMES, whole=bool(processes))


async def _readiness(api: Api) -> Json:
    try:
        return await api.get("/v1/readiness")
    except Unavailable:
        return {"ready": False, "checks": {}}


async def _sessions(request: Request) -> bool:
    try:
        await console_of(request).check_sessions()
    except REDIS_ERRORS:
        return False
    return True
