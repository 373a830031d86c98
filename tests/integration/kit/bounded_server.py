"""A small application on a port with tight bounds, and clients that read each answer whole."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.kit.http.connection_bounds import Bounds
from services.kit.http.connections import allow_slow_body
from services.kit.http.server import Server, config_of
from services.local.ports import LOOPBACK

BOUNDS = Bounds(
    head_bytes=8192, headers=20, head_seconds=0.4, body_idle=0.4, body_seconds=2, slow_body_idle=3,
    unread_body=0.6, unread_bytes=1_000_000, send_idle=0.6, connections=12, per_address=8,
)  # fmt: skip
HEAD = b"POST /sum HTTP/1.1\r\nHost: x\r\n"
Call = Callable[[bytes], Awaitable[tuple[int, dict[str, str], bytes]]]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    answer: Response
    match scope["path"]:
        case "/refused":
            answer = JSONResponse({}, 401)
        case "/endless":
            answer = StreamingResponse(_endless())
        case "/waits":
            await asyncio.sleep(1.5)
            answer = JSONResponse({"length": len(await request.body())})
        case path:
            if path == "/slow":
                allow_slow_body(scope)
            answer = JSONResponse({"length": len(await request.body()), "client": scope["client"][0]})
    await answer(scope, receive, send)


async def _endless() -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(0)
        yield bytes(65_536)


@asynccontextmanager
async def serving(bounds: Bounds, proxies: str = "") -> AsyncIterator[tuple[int, Server]]:
    server = _Prompt(config_of(application, LOOPBACK, 0, bounds, forwarded_allow_ips=proxies))
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1], server
    finally:
        server.should_exit = server.force_exit = True
        await task


class _Prompt(Server):
    """Looks ten times as often."""

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(0)


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer, which must be whole."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    version, status, *phrase = head[0].split(" ")
    assert version == "HTTP/1.1"
    assert phrase
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return int(status), headers, await reader.readexactly(int(headers["content-length"]))


async def ask(port: int, *parts: bytes, pause: float = 0.0) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        async with asyncio.timeout(5):
            return await read_answer(reader)
    finally:
        writer.close()
