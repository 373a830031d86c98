"""Serving HTTP: the public APIs by uvicorn, and the small probe server of processes that have no API."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from services.kit.http.health import Health
from services.kit.loops import CANCEL_AGAIN, background, end
from services.kit.settings import ServiceSettings


def serve(app: ASGIApp, settings: ServiceSettings, before_stop: Callable[[], None] = lambda: None) -> None:
    """Serve `app` until SIGTERM or Ctrl-C; requests under way get ten seconds to end.

    `before_stop` is called at the signal, to end endless answers such as a feed.
    """
    server = _Server(_config(app, settings, server_header=False, timeout_graceful_shutdown=10), before_stop)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise SystemExit(3)


def _config(app: ASGIApp, settings: ServiceSettings, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(app, host=settings.host, port=settings.port, log_config=None, access_log=False, **more)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_stop = before_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._before_stop()
        super().handle_exit(sig, frame)


def probe_app(health: Health) -> Starlette:
    app = Starlette(routes=health.routes())
    app.router.redirect_slashes = False
    return app


@asynccontextmanager
async def probes(health: Health, settings: ServiceSettings) -> AsyncIterator[None]:
    """Serve `health` on the process's port while the body runs."""
    server = uvicorn.Server(_config(probe_app(health), settings))
    task = asyncio.create_task(server._serve())  # `serve` would take the process's signals
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
