"""Whether each part of the network is ready."""

import asyncio

from fastapi import APIRouter, Request
from redis.exceptions import RedisError
from starlette.responses import Response

from services.console.rendering import render
from services.console.sign_in.admission import console_of
from services.console.sign_in.user import Operator
from services.console.upstream.client import Api, Json, Unavailable
from services.console.words.i18n import N_

router = APIRouter()
NAMES = {
    "console": N_("These pages"),
    "intake": N_("Children and diagnoses"),
    "referral": N_("Referrals and centers"),
    "capacity": N_("Places and queues"),
}


@router.get("/services")
async def show_services(request: Request, user: Operator) -> Response:
    """Asked anew each time; a service that does not answer is not ready."""
    services = user.services
    found = await asyncio.gather(*(_readiness(one) for one in (services.intake, services.referral, services.capacity)))
    own = {"ready": await _sessions(request), "checks": {}}
    shown = dict(zip(NAMES, (own, *found), strict=True))
    return render(request, "operator/services.html", found=shown, names=NAMES)


async def _readiness(api: Api) -> Json:
    try:
        return await api.get("/v1/readiness")
    except Unavailable:
        return {"ready": False, "checks": {}}


async def _sessions(request: Request) -> bool:
    try:
        await console_of(request).check_sessions()
    except RedisError:
        return False
    return True
