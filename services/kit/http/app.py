"""The FastAPI applications of a service, public and inside: problem documents, probes, metrics, documentation."""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache, partial

import structlog
from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit import tracing
from services.kit.http.health import Health
from services.kit.http.limits import Limits
from services.kit.http.problem_answers import install_problems
from services.kit.http.problems import INTERNAL_ERROR, REFUSALS, SECURITY_HEADERS
from services.kit.http.routes import GuardedRoute
from services.kit.http.traced import Traced
from services.kit.metrics import http_requests, http_seconds

log = structlog.get_logger()


class _Middleware:
    """Measures requests by route (a label for each path would never end), and adds the security headers that
    an answer lacks.

    It answers a fault of ours, so that this answer has them too: Starlette's own handler stands outside.
    It drops the declared length, which the body limit would refuse in plain text before the token is checked.
    Without it the limit counts bytes as they arrive. A slash at the path's end is dropped: a redirect would go to
    whatever scheme and host this process believes it has, and lose the body.
    """

    def __init__(self, app: ASGIApp, fault: ASGIApp) -> None:
        self._app, self._fault = app, fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope["headers"] = [one for one in scope["headers"] if one[0] != b"content-length"]
        scope["path"] = scope["path"].rstrip("/") or "/"
        status, began = 0, time.perf_counter()

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in SECURITY_HEADERS if one[0] not in own)]
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        except Exception:
            log.exception("request.failed", method=scope["method"], route=_route(scope))
            if status:
                raise  # the answer has begun: the server breaks it off
            await self._fault(scope, receive, observed_send)
        finally:
            route = _route(scope)
            counter, seconds = _metrics(route, scope["method"], status or 500)
            counter.inc()
            seconds.observe(time.perf_counter() - began)


@lru_cache(maxsize=1000)
def _metrics(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return http_requests.labels(route, method, status), http_seconds.labels(route, method)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unmatched")


async def answer_fault(scope: Scope, receive: Receive, send: Send) -> None:
    """A problem document."""
    await INTERNAL_ERROR.response()(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Apps:
    """The two applications of an API process, with one state.

    `public` has the routes that people call, and liveness. `inside` has these too, the routes for services, probes,
    metrics and the documentation: its port is never reached from outside.
    """

    public: FastAPI
    inside: FastAPI

    @property
    def both(self) -> tuple[FastAPI, FastAPI]:
        return self.public, self.inside


def create_apps(
    title: str,
    health: Health,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    *,
    public: Iterable[APIRouter] = (),
    inside: Iterable[APIRouter] = (),
    public_docs: bool = False,
    fault: ASGIApp = answer_fault,
) -> Apps:
    """The applications with these routers; whichever is started first runs `lifespan`, for both.

    `/openapi.json` and `/docs` are inside, and on the public port as well with `public_docs`. `fault` answers what
    ends in an error of ours.
    """
    make = partial(_create_app, lifespan=lifespan, fault=fault)
    apps = Apps(make(title, docs=public_docs), make(f"{title}, inside", docs=True, trusts=True))
    apps.public.state = apps.inside.state
    apps.inside.state.limits = Limits({})
    apps.public.router.routes.extend(health.public_routes())
    apps.inside.router.routes.extend(health.routes())
    for router in public:
        for app in apps.both:
            _add(app, router)
    for router in inside:
        _add(apps.inside, router)
    return apps


def _add(app: FastAPI, router: APIRouter) -> None:
    """Guarded routes are whole by themselves: FastAPI looks three times a request for one of an included router."""
    if all(isinstance(one, GuardedRoute) for one in router.routes):
        app.router.routes.extend(router.routes)
    else:
        app.include_router(router)


def _create_app(
    title: str,
    *,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    fault: ASGIApp,
    docs: bool,
    trusts: bool = False,
) -> FastAPI:
    make: Callable[..., FastAPI] = FastAPIOffline if docs else partial(FastAPI, openapi_url=None)
    app = make(
        title=f"Joldama {title}",
        version="1",
        lifespan=lifespan,
        responses=REFUSALS,
        license_info={"name": "Apache-2.0"},
        redirect_slashes=False,
        telemetry=dict.fromkeys(("tracing", "metrics", "logs"), False),  # it would look for one at each request
    )
    install_problems(app)
    app.add_middleware(_Middleware, fault=fault)
    if tracing.is_on():
        app.add_middleware(Traced, continues=trusts)
    return app
