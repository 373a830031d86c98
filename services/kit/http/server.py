"""Serving HTTP by uvicorn: an API on its two ports, and the probes of processes that have no API."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from services.kit.http.connection_bounds import Addresses, Bounds
from services.kit.http.connections import BoundedProtocol
from services.kit.http.health import Health
from services.kit.loops import CANCEL_AGAIN, background, end, run
from services.kit.settings import ServiceSettings

if TYPE_CHECKING:  # FastAPI is for the processes that have an API
    from services.kit.http.app import Apps

STOOD_STILL = 2.5
"""Seconds between two looks at connections from which on the process stood still, or was too busy to read."""


def serve(apps: "Apps", settings: ServiceSettings, before_stop: Callable[[], None] = lambda: None) -> None:
    """Serve both applications until SIGTERM or Ctrl-C; requests under way get ten seconds to end.

    `before_stop` is called at the signal, to end endless answers such as a feed.
    """
    run(_serve(apps, settings, before_stop))


async def _serve(apps: "Apps", settings: ServiceSettings, before_stop: Callable[[], None]) -> None:
    async with apps.inside.router.lifespan_context(apps.inside):
        servers = [Server(_public(apps.public, settings)), Server(_inside(apps.inside, settings))]

        def stop() -> None:
            before_stop()
            for server in servers:
                server.force_exit = server.should_exit  # at the second signal
                server.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        await asyncio.gather(*(server._serve() for server in servers))  # `serve` would take the process's signals


def _public(app: ASGIApp, settings: ServiceSettings) -> uvicorn.Config:
    bounds = Bounds(
        connections=settings.connections,
        per_address=settings.connections_per_address,
        uncounted=settings.proxy_networks,
    )
    return config_of(app, settings.host, settings.port, bounds, forwarded_allow_ips=settings.trusted_proxies)


def _inside(app: ASGIApp, settings: ServiceSettings) -> uvicorn.Config:
    bounds = Bounds(connections=settings.connections, per_address=None)
    tls = {"ssl_certfile": settings.tls_cert_file, "ssl_keyfile": settings.tls_key_file}
    return config_of(app, settings.inside_host or settings.host, settings.inside_port, bounds, **tls)


def config_of(app: ASGIApp, host: str, port: int, bounds: Bounds, **more: Any) -> uvicorn.Config:
    """A port whose connections are within `bounds`. The lifespan is not its own: one application's is run for both.

    Who forwards a request is believed of the addresses in `forwarded_allow_ips` only.
    """
    protocol: Any = partial(BoundedProtocol, bounds, Addresses(bounds))
    return uvicorn.Config(
        app, host=host, port=port, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, timeout_graceful_shutdown=10, proxy_headers=bool(more.get("forwarded_allow_ips")), **more,
    )  # fmt: skip


class Server(uvicorn.Server):
    """Looks at its connections each second, and cuts those that are overdue.

    While the process stood still it read nothing: that time is not the clients'.
    """

    _looked_at = 0.0

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            stood = now - self._looked_at if self._looked_at and now - self._looked_at > STOOD_STILL else 0.0
            self._looked_at = now
            for one in list(self.server_state.connections):
                if isinstance(one, BoundedProtocol):
                    one.put_off(stood) if stood else one.cut_if_overdue(now)
        return await super().on_tick(counter)


def probe_app(health: Health) -> Starlette:
    app = Starlette(routes=health.routes())
    app.router.redirect_slashes = False
    return app


@asynccontextmanager
async def probes(health: Health, settings: ServiceSettings) -> AsyncIterator[None]:
    """Serve `health` on the process's inside port while the body runs."""
    server = Server(_inside(probe_app(health), settings))
    task = asyncio.create_task(server._serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task


async def until_stopped(work: Coroutine[Any, Any, None], again: float = CANCEL_AGAIN) -> None:
    """Run `work` until it ends (raising its error), or cancel it at SIGTERM or SIGINT and wait for its end."""
    task, signaled = asyncio.create_task(work), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signaled.set)
    async with background(signaled.wait()) as waiting:
        await asyncio.wait({task, *waiting}, return_when=asyncio.FIRST_COMPLETED)
    await end([task], again)
    with suppress(asyncio.CancelledError):
        task.result()
