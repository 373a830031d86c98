"""The gate that cuts a connection."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from services.local.ports import LOOPBACK
from tests.support.gate import Gates


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A port that answers with what it was told."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(answer, LOOPBACK, 0) as server:
        yield server.sockets[0].getsockname()[1]


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
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(_say, port)

        await asyncio.to_thread(gates.open, "echo")
        assert await asyncio.to_thread(_say, port) == b"hello"
