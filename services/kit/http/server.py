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
from services.kit.settings import ServiceSettings


def serve(app: ASGIApp, settings: ServiceSettings, before_stop: Callable[[], None] = lambda: None) -> None:
    """Serve `app` until SIGTERM or Ctrl-C; requests under way get ten seconds to end.

    `before_stop` is called at the signal, to end answers that would never end by themselves.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    server = _Server(config, before_stop)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise SystemExit(3)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_stop = before_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._before_stop()
        super().handle_exit(sig, frame)


class _Probes(uvicorn.Server):
    """Leaves the signals to the process it sits in."""

    def install_signal_handlers(self) -> None: ...


@asynccontextmanager
async def probes(health: Health, settings: ServiceSettings) -> AsyncIterator[None]:
    """Serve `health` on the process's port while the body runs."""
    config = uvicorn.Config(
        Starlette(routes=health.routes()),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
    )
    server = _Probes(config)
    task = asyncio.create_task(server._serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task


def on_stop_signal() -> asyncio.Event:
    """Set at SIGTERM or SIGINT. Call inside the running loop."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends (raising its error), or cancel it at SIGTERM or SIGINT and wait for its end."""
    stopped = on_stop_signal()
    task, waiter = asyncio.create_task(work), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        waiter.cancel()
    with suppress(asyncio.CancelledError):
        await task
