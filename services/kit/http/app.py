"""A FastAPI application as every service has it: problems, probes, metrics, and documentation without the internet."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit.http.health import Health
from services.kit.http.problems import ProblemDetails, TooLarge, install_problems

log = structlog.get_logger()
requests = Counter("http_requests_total", "Requests answered", ["route", "method", "status"])
seconds = Histogram(
    "http_request_seconds", "Time to the end of the answer", ["route", "method"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)  # fmt: skip
LARGEST = 1024 * 1024
"""Bytes of a request's body."""
_CSP = b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


class _Observed:
    """Counts requests by route (never by path: an id there would be a label for ever) and adds the security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        status, began = 500, time.perf_counter()

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                    (b"content-security-policy", _CSP),
                ]
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            requests.labels(route, scope["method"], status).inc()
            seconds.labels(route, scope["method"]).observe(time.perf_counter() - began)


class _Bounded:
    """Refuses a body beyond LARGEST bytes, whether it says its length or not, unless its path is for more."""

    def __init__(self, app: ASGIApp, unbounded: tuple[str, ...]) -> None:
        self._app, self._unbounded = app, unbounded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(self._unbounded):
            return await self._app(scope, receive, send)
        announced = dict(scope["headers"]).get(b"content-length", b"")
        size = int(announced) if announced.isdigit() else 0
        read = 0

        async def bounded_receive() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if max(size, read) > LARGEST:
                raise TooLarge(LARGEST)
            return message

        await self._app(scope, bounded_receive, send)


def create_app(
    title: str,
    health: Health,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    unbounded: tuple[str, ...] = (),
) -> FastAPI:
    """An application with probes, metrics, `/openapi.json` and `/docs`; the service adds its routers.

    A body has at most LARGEST bytes, except where the path begins with one of `unbounded`.
    """
    problem: dict[int | str, dict[str, Any]] = {
        "4XX": {"model": ProblemDetails, "content": {"application/problem+json": {}}}
    }
    app: FastAPI = FastAPIOffline(
        title=f"Joldama {title}",
        version="1",
        lifespan=lifespan,
        responses=problem,
        license_info={"name": "Apache-2.0"},
    )
    install_problems(app)
    app.add_middleware(_Bounded, unbounded=unbounded)
    app.add_middleware(_Observed)
    app.router.routes.extend(health.routes())
    return app
