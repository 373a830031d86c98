"""Connections to Redis or Valkey: one server, or a cluster, one node of which has all of capacity's keys."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import hiredis
import structlog
from redis.asyncio import BlockingConnectionPool, Connection, Redis, RedisCluster, SSLConnection
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AskError, ClusterDownError, ConnectionError, TryAgainError
from redis.typing import EncodableT

from services.capacity.adapters.redis_scripts import Names, RedisScripts, source
from services.capacity.settings import CapacitySettings
from services.kit.redis_cluster import cluster_node

log = structlog.get_logger()
CONNECTIONS = 32
"""Concurrent calls of one process."""
ELSEWHERE = AskError, ClusterDownError, TryAgainError
"""A node has not the data, or not all of it now: whatever else keeps it from being checked ends the connection."""
CONNECTIONS_TO_NODE = 256
"""Of one process to one node of a cluster: nobody waits for a free one there, and what is more is refused."""


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
    """Every connection first closes data that has come back on another server, until it has been rebuilt."""
    names = Names(key_prefix)

    async def begin(connection: Connection) -> None:
        await connection.on_connect()
        await _close_if_server_changed(connection, names)

    return begin


async def _close_if_server_changed(connection: AbstractConnection, names: Names) -> None:
    """A restarted server may have lost its last second, and a new primary what it was not sent."""
    keys = names.programmes, names.events, names.server, names.absent
    await connection.send_command("EVAL", source("close_if_server_changed"), 4, *keys, names.prefix, 0, "", "")
    answer, *closed = await connection.read_response()
    if answer == b"closed":
        log.error("capacity.server_changed", closed_epoch=closed[0].decode())


@dataclass
class _Whereabouts:
    """Which node has the data, as this client has last found it: another one is checked before its first grant.

    A connection's own check at its beginning is not enough in a cluster: the data may come to a server that it has
    known for long.
    """

    names: Names
    node: tuple[str, int] = ("", 0)
    checking: set[AbstractConnection] = field(default_factory=set)

    async def begin(self, connection: Connection) -> None:
        self.checking.add(connection)
        try:
            await connection.on_connect()
            await self._check(connection)
        finally:
            self.checking.discard(connection)

    async def before_command(self, connection: Connection) -> None:
        """Check the node, unless the data was last found there."""
        here = connection.host, connection.port
        if connection in self.checking or self.node == here or not connection.is_connected:
            return
        self.checking.add(connection)
        try:
            await self._check(connection)
        finally:
            self.checking.discard(connection)

    async def _check(self, connection: Connection) -> None:
        here = connection.host, connection.port
        try:
            await _close_if_server_changed(connection, self.names)
        except ELSEWHERE:
            self.node = ("", 0) if self.node == here else self.node
        else:
            self.node = here


class _Following(_Packing, Connection):
    """A connection to a node of a cluster."""

    def __init__(self, *, whereabouts: _Whereabouts, **options: Any) -> None:
        super().__init__(**options, redis_connect_func=whereabouts.begin)
        self._whereabouts = whereabouts

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        await self._whereabouts.before_command(self)
        await super().send_packed_command(command, check_health)


class _FollowingSSL(_Following, SSLConnection):
    """By TLS."""


def connect_cluster(url: str, key_prefix: str) -> RedisCluster:
    """A client that follows the data from node to node, from the one at `url`; whoever made it closes it."""
    cluster = RedisCluster.from_url(url, max_connections=CONNECTIONS_TO_NODE)
    kind = _FollowingSSL if url.startswith("rediss:") else _Following
    whereabouts = _Whereabouts(Names(key_prefix))
    # the client's parameters do not reach its connections, so those of nodes known now and later are set here
    cluster.nodes_manager.connection_kwargs |= {"connection_class": kind, "whereabouts": whereabouts}
    for node in cluster.startup_nodes:
        node.connection_class = kind
        node.connection_kwargs["whereabouts"] = whereabouts
    return cluster


@asynccontextmanager
async def open_scripts(settings: CapacitySettings) -> AsyncIterator[RedisScripts]:
    """The scripts on the server or cluster at `redis_url`; connects at first use."""
    node = cluster_node(settings.redis_url)
    redis = (connect_cluster if node else connect)(node or settings.redis_url, settings.key_prefix)
    try:
        yield RedisScripts(redis, settings.key_prefix)
    finally:
        await redis.aclose()
