"""The TCP proxy cuts connections and restores them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from services.local.ports import LOOPBACK
from tests.support.tcp_proxy import TcpProxies


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of an echo server."""
    answering = set[asyncio.Future[None]]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = asyncio.get_running_loop().create_future()
        answering.add(ended)
        with suppress(ConnectionError):
            while data := await reader.read(100):
                writer.write(data)
        await _close(writer)
        ended.set_result(None)

    async with await asyncio.start_server(answer, LOOPBACK, 0) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*answering)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def _echoed(port: int) -> bytes:
    with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
        connection.sendall(b"hello")
        return connection.recv(100)


async def test_a_cut_resets_open_connections_and_refuses_new_ones_until_it_is_restored(echo: int) -> None:
    with TcpProxies() as proxies:
        port = await asyncio.to_thread(proxies.add, "echo", echo)
        assert await asyncio.to_thread(_echoed, port) == b"hello"
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"still here")
        assert await reader.read(100) == b"still here"

        await asyncio.to_thread(proxies.cut, "echo")
        with pytest.raises(ConnectionResetError):
            await reader.read(100)
        await _close(writer)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(_echoed, port)

        await asyncio.to_thread(proxies.restore, "echo")
        assert await asyncio.to_thread(_echoed, port) == b"hello"
