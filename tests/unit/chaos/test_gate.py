"""The gate that cuts a connection."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from services.local.ports import LOOPBACK
from tests.support.gate import Gates


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A port that answers with what it was told."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(100):
                writer.write(data)
        await _close(writer)

    async with await asyncio.start_server(answer, LOOPBACK, 0) as server:
        yield server.sockets[0].getsockname()[1]


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def _say(port: int) -> bytes:
    with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
        connection.sendall(b"hello")
        return connection.recv(100)


async def test_a_closed_gate_breaks_what_is_open_and_refuses_what_is_new_until_it_opens_again(echo: int) -> None:
    with Gates() as gates:
        port = await asyncio.to_thread(gates.add, "echo", echo)
        assert await asyncio.to_thread(_say, port) == b"hello"
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"still here")
        assert await reader.read(100) == b"still here"

        await asyncio.to_thread(gates.close, "echo")
        with pytest.raises(ConnectionResetError):
            await reader.read(100)
        await _close(writer)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(_say, port)

        await asyncio.to_thread(gates.open, "echo")
        assert await asyncio.to_thread(_say, port) == b"hello"
