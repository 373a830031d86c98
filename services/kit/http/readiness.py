"""`GET /v1/readiness`: which parts of a service are ready, for people who may know it; the reasons stay inside."""

from collections.abc import Sequence

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.kit.http.auditing import audited
from services.kit.http.auth import Require
from services.kit.http.health import Health
from services.kit.http.routes import guarded_router


class ReadinessAnswer(BaseModel):
    """A service's parts by name; it is ready when all of them are."""

    ready: bool
    checks: dict[str, bool] = Field(description="The reasons are at /readyz of the inside port")


def readiness_router(health: Health, readers: Sequence[str]) -> APIRouter:
    """The route for holders of one of these roles."""
    router = guarded_router("/v1/readiness", tags=["readiness"])

    @router.get("", dependencies=[Depends(Require(*readers))], summary="Which parts of this service are ready")
    @audited(never=True)
    async def read_readiness() -> ReadinessAnswer:
        """Asked anew each time."""
        failing = await health.failing()
        checks = {name: name not in failing for name in (*health.checks, *failing)}
        return ReadinessAnswer(ready=not failing, checks=checks)

    return router
