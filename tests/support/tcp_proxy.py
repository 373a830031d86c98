"""TCP proxies on loopback: one that is cut resets and refuses connections, a silent one only passes nothing on."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from services.local.ports import LOOPBACK, Ports


class TcpProxies:
    """Named proxies, served by one thread. A context; `add` may be called at any time inside."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxies", daemon=True)
        self._proxies: dict[str, _TcpProxy] = {}
        self._ports = Ports()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in self._proxies:
            self.cut(name)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._ports.__exit__(kind, error, trace)

    def __contains__(self, name: str) -> bool:
        return name in self._proxies

    def add(self, name: str, target: int) -> int:
        """Start a proxy of a port of loopback; the port at which it listens."""
        proxy = self._proxies[name] = _TcpProxy(target, self._ports.choose())
        self._run(proxy.listen())
        return proxy.port

    def port(self, name: str) -> int:
        return self._proxies[name].port

    def cut(self, name: str) -> None:
        """Reset all connections, and refuse new ones."""
        self._run(self._proxies[name].cut())

    def silence(self, name: str) -> None:
        """Pass nothing on, and close nothing, as a line on which packets are lost."""
        self._run(self._proxies[name].silence())

    def restore(self, name: str) -> None:
        """Accept connections again, at the same port, and pass on what a silent line has kept."""
        self._run(self._proxies[name].listen())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


class _TcpProxy:
    def __init__(self, target: int, port: int) -> None:
        self.port, self._target = port, target
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()

    async def silence(self) -> None:
        self._open.clear()

    async def listen(self) -> None:
        self._open.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)

    async def cut(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._server = None
        connections = list(self._connections)
        for one in connections:
            one.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await asyncio.sleep(0.01)  # what was aborted is closed in the loop's next turns

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(OSError):
                await self._forward(reader, writer)
        except asyncio.CancelledError:
            _reset(writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self._target)
        directions = [
            asyncio.ensure_future(_copy(reader, server_writer, self._open)),
            asyncio.ensure_future(_copy(server_reader, writer, self._open)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            if not directions[1].done():  # the client has sent all; the server may still answer
                await asyncio.wait(directions[1:], timeout=5)
        except asyncio.CancelledError:
            _reset(server_writer)
            raise
        finally:
            for one in directions:
                one.cancel()
            server_writer.close()  # first: a cut may end the waiting below
            await asyncio.gather(*directions, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once, by a TCP reset: bytes under way are lost."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: asyncio.Event) -> None:
    while data := await reader.read(65536):
        await line.wait()
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
