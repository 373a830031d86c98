"""Liveness, readiness and metrics: `/livez`, `/readyz` (503 with the failing checks' names), `/metrics`."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Check = Callable[[], Awaitable[None]]
CHECK_SECONDS = 5.0
ready = Gauge("joldama_ready", "Whether a check of readiness passes: 1, or 0", ["check"])


class Progress:
    """When something last went on. `check` fails when that is longer ago than `within` seconds."""

    def __init__(self, within: float) -> None:
        self._within, self._at = within, time.monotonic()

    def __call__(self) -> None:
        self._at = time.monotonic()

    async def check(self) -> None:
        age = time.monotonic() - self._at
        if age > self._within:
            raise TimeoutError(f"no progress for {age:.0f} s")


class Health:
    """The named checks of one process. Each raises with a reason when its part is not ready."""

    def __init__(self, **checks: Check) -> None:
        self.checks = dict(checks)

    async def failing(self) -> dict[str, str]:
        """Check name to reason, of those that fail now."""
        names = list(self.checks)
        results = await asyncio.gather(*map(self._reason, names))
        return {name: reason for name, reason in zip(names, results, strict=True) if reason}

    async def _reason(self, name: str) -> str | None:
        try:
            await asyncio.wait_for(self.checks[name](), CHECK_SECONDS)
        except Exception as error:
            return str(error) or type(error).__name__
        return None

    def routes(self) -> list[Route]:
        return [
            Route("/livez", self._live, include_in_schema=False),
            Route("/readyz", self._ready, include_in_schema=False),
            Route("/metrics", self._metrics, include_in_schema=False),
        ]

    async def _live(self, _: Request) -> Response:
        return PlainTextResponse("live\n")

    async def _ready(self, _: Request) -> Response:
        failing = await self.failing()
        body = {"ready": not failing, "checks": {name: failing.get(name, "ok") for name in self.checks}}
        return JSONResponse(body, 503 if failing else 200)

    async def _metrics(self, _: Request) -> Response:
        failing = await self.failing()
        for name in self.checks:
            ready.labels(name).set(name not in failing)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
