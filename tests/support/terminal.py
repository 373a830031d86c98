"""The `joldama` command in this process, and ASGI applications on real ports for its requests."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from typer.testing import CliRunner, Result

from services.cli.main import app


def run_joldama(*words: str, stdin: bytes | None = None, encoding: str = "utf-8", width: int = 160) -> Result:
    """The result of `joldama words…` on a console of `encoding`, `width` characters wide: exit code and output."""
    # else as wide as the terminal of whoever started the tests, and 80 under pytest-xdist
    return CliRunner(charset=encoding, env={"COLUMNS": str(width)}).invoke(app, words, input=stdin)


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """`app` on a port of loopback (default: any free one), on a thread, until the block ends; yields its URL."""
    server = _PromptServer(uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1))
    started = threading.Event()

    async def serve() -> None:
        task = asyncio.create_task(server._serve())
        while not (server.started or task.done()):
            await asyncio.sleep(0.005)
        started.set()
        await task

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(20)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


class _PromptServer(uvicorn.Server):
    """Looks every 10 ms whether to end, uvicorn's own every 100 ms: hundreds of tests wait for it."""

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            await asyncio.sleep(0.01)
