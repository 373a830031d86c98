"""Connections to Redis or Valkey."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import hiredis
import structlog
from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError
from redis.typing import EncodableT

from services.capacity.adapters.redis_scripts import Names, RedisScripts, source
from services.capacity.settings import CapacitySettings

log = structlog.get_logger()
CONNECTIONS = 32
"""Concurrent calls of one process."""


class _Packing(AbstractConnection):
    """A connection that packs pipelines in C: redis-py packs them in Python, which costs more than the claims."""

    def pack_commands(self, commands: Iterable[Iterable[EncodableT]]) -> list[bytes]:
        return [b"".join(map(hiredis.pack_command, commands))]  # type: ignore[arg-type]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Raises ConnectionError also for uvloop's RuntimeError on a connection that was reset while idle."""
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            await self.disconnect(nowait=True)
            raise ConnectionError("the connection was closed") from error


class PackingConnection(_Packing, Connection):
    """In the clear."""


class PackingSSLConnection(_Packing, SSLConnection):
    """By TLS, with the options of the URL: `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`."""


def connect(url: str, key_prefix: str) -> Redis:
    """A client that waits for a free connection rather than failing; whoever made it closes it."""
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS, timeout=5, redis_connect_func=_checking_in(key_prefix)
    )
    # a URL of TLS brings its own class of connection, so it is replaced afterwards
    pool.connection_class = PackingSSLConnection if url.startswith("rediss:") else PackingConnection
    return Redis.from_pool(pool)


def _checking_in(key_prefix: str) -> Callable[[Connection], Awaitable[None]]:
    """Every connection first closes data that has come back on another server, until it has been rebuilt.

    A restarted server may have lost its last second, and a new primary what it was not sent.
    """

    async def close_if_server_changed(connection: Connection) -> None:
        await connection.on_connect()
        names = Names(key_prefix)
        keys = names.programmes, names.events, names.server
        await connection.send_command("EVAL", source("close_if_server_changed"), 3, *keys, names.prefix, 0, "", "")
        answer, *closed = await connection.read_response()
        if answer == b"closed":
            log.error("capacity.server_changed", closed_epoch=closed[0].decode())

    return close_if_server_changed


@asynccontextmanager
async def open_scripts(settings: CapacitySettings) -> AsyncIterator[RedisScripts]:
    """The scripts on the server at `redis_url`; connects at first use."""
    redis = connect(settings.redis_url, settings.key_prefix)
    try:
        yield RedisScripts(redis, settings.key_prefix)
    finally:
        await redis.aclose()
