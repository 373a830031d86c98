"""The connection to Redis or Valkey."""

from collections.abc import Iterable

import hiredis
from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.typing import EncodableT

CONNECTIONS = 32
"""How many calls of one process may be under way at once."""


class PackingConnection(Connection):
    """Packs pipelines in C: redis-py's asyncio client packs them in Python, which costs more than the claim itself."""

    def pack_commands(self, commands: Iterable[Iterable[EncodableT]]) -> list[bytes]:
        return [b"".join(map(hiredis.pack_command, commands))]  # type: ignore[arg-type]


def connect(url: str) -> Redis:
    """A client that waits for a free connection rather than failing; whoever made it closes it."""
    pool = BlockingConnectionPool.from_url(
        url, connection_class=PackingConnection, max_connections=CONNECTIONS, timeout=5
    )
    return Redis.from_pool(pool)
