"""A TCP relay on loopback between two parts, which can be closed: what is open breaks, what is new is refused."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from services.local.ports import LOOPBACK, Ports


class Gates:
    """A thread that carries the bytes of all gates. A context; `add` may be called at any time inside."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gates", daemon=True)
        self._gates: dict[str, _Gate] = {}
        self._ports = Ports()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in self._gates:
            self.close(name)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._ports.__exit__(kind, error, trace)

    def __contains__(self, name: str) -> bool:
        return name in self._gates

    def add(self, name: str, target: int) -> int:
        """Open a gate to a port of loopback; the port at which it listens."""
        gate = self._gates[name] = _Gate(target, self._ports.choose())
        self._run(gate.open())
        return gate.port

    def port(self, name: str) -> int:
        return self._gates[name].port

    def close(self, name: str) -> None:
        """Break all connections, and refuse new ones."""
        self._run(self._gates[name].close())

    def open(self, name: str) -> None:
        """Let them through again, at the same port."""
        self._run(self._gates[name].open())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


class _Gate:
    def __init__(self, target: int, port: int) -> None:
        self.port, self._target = port, target
        self._server: asyncio.Server | None = None
        self._carriers: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._server = None
        carriers = list(self._carriers)
        for one in carriers:
            one.cancel()
        await asyncio.gather(*carriers, return_exceptions=True)
        await asyncio.sleep(0.01)  # what was aborted is closed in the loop's next turns

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carriers.add(task)
        try:
            with suppress(OSError):
                await self._carry(reader, writer)
        except asyncio.CancelledError:
            _break(writer)
        finally:
            self._carriers.discard(task)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._target)
        ways = [
            asyncio.ensure_future(_copy(reader, far_writer)),
            asyncio.ensure_future(_copy(far_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if not ways[1].done():  # the near side has said all; the far side may still answer
                await asyncio.wait(ways[1:], timeout=5)
        except asyncio.CancelledError:
            _break(far_writer)
            raise
        finally:
            for one in ways:
                one.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            far_writer.close()


def _break(writer: asyncio.StreamWriter) -> None:
    """Close at once, and by a reset: what was on its way is lost."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
