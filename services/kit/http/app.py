"""The FastAPI application of a service: problem documents, probes, metrics, offline documentation."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit.http.health import Health
from services.kit.http.problems import ProblemDetails, install_problems
from services.kit.metrics import http_requests, http_seconds

_CSP = b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _CSP),
]


class _Middleware:
    """Measures requests by route (a label for each path would never end), and adds the security headers.

    It drops the declared length, which the body limit would refuse in plain text before the token is checked.
    Without it the limit counts bytes as they arrive. A slash at the path's end is dropped: a redirect would go to
    whatever scheme and host this process believes it has, and lose the body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope["headers"] = [one for one in scope["headers"] if one[0] != b"content-length"]
        scope["path"] = scope["path"].rstrip("/") or "/"
        status, began = 500, time.perf_counter()

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            http_requests.labels(route, scope["method"], status).inc()
            http_seconds.labels(route, scope["method"]).observe(time.perf_counter() - began)


def create_app(title: str, health: Health, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """An application with probes, metrics, `/openapi.json` and `/docs`; the service adds its routers."""
    problem: dict[int | str, dict[str, Any]] = {
        "4XX": {"model": ProblemDetails, "content": {"application/problem+json": {}}}
    }
    app: FastAPI = FastAPIOffline(
        title=f"Joldama {title}",
        version="1",
        lifespan=lifespan,
        responses=problem,
        license_info={"name": "Apache-2.0"},
        redirect_slashes=False,
    )
    install_problems(app)
    app.add_middleware(_Middleware)
    app.router.routes.extend(health.routes())
    return app
