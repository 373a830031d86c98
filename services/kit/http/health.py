"""Liveness, readiness and metrics: `/livez`, `/readyz` (503 with the failing checks' names), `/metrics`."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.kit.loops import check_background
from services.kit.metrics import ready

Check = Callable[[], Awaitable[None]]
CHECK_SECONDS = 5.0


class Health:
    """The readiness checks of one process by name; a check raises the reason when its part is not ready.

    `background` is always among them, and shown when it fails.
    """

    def __init__(self, **checks: Check) -> None:
        self.checks = dict(checks)

    async def failing(self, within: float = CHECK_SECONDS) -> dict[str, str]:
        """The reason by name of each check that fails now, or takes longer than `within` seconds."""
        checks = {"background": check_background} | self.checks
        results = await asyncio.gather(*(self._reason(check, within) for check in checks.values()))
        return {name: reason for name, reason in zip(checks, results, strict=True) if reason}

    async def _reason(self, check: Check, within: float) -> str | None:
        try:
            await asyncio.wait_for(check(), within)
        except Exception as error:  # noqa: BLE001  a check may fail in any way: its part is not ready then
            return str(error) or type(error).__name__
        return None

    def public_routes(self) -> list[Route]:
        """What strangers may know."""
        return [Route("/livez", self._live, include_in_schema=False)]

    def routes(self) -> list[Route]:
        return [
            *self.public_routes(),
            Route("/readyz", self._ready, include_in_schema=False),
            Route("/metrics", self._metrics, include_in_schema=False),
        ]

    async def _live(self, _: Request) -> Response:
        return PlainTextResponse("live\n")

    async def _ready(self, _: Request) -> Response:
        failing = await self.failing()
        body = {"ready": not failing, "checks": {name: failing.get(name, "ok") for name in (*self.checks, *failing)}}
        return JSONResponse(body, 503 if failing else 200)

    async def _metrics(self, _: Request) -> Response:
        failing = await self.failing()
        for name in ("background", *self.checks):
            ready.labels(name).set(name not in failing)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
