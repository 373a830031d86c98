"""Serving HTTP: the public APIs by uvicorn, and the small probe server of processes that have no API."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from services.kit.health import Health
from services.kit.settings import ServiceSettings


def serve(app: ASGIApp, settings: ServiceSettings) -> None:
    """Serve `app` until SIGTERM or Ctrl-C; requests under way get ten seconds to end."""
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


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
