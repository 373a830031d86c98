"""The connection to Redis or Valkey."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import hiredis
import structlog
from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.exceptions import ConnectionError
from redis.typing import EncodableT

from services.capacity.adapters.redis_scripts import Names, read_run_id, source

log = structlog.get_logger()
CONNECTIONS = 32
"""How many calls of one process may be under way at once."""


class PackingConnection(Connection):
    """Packs pipelines in C: redis-py's asyncio client packs them in Python, which costs more than the claim itself."""

    def pack_commands(self, commands: Iterable[Iterable[EncodableT]]) -> list[bytes]:
        return [b"".join(map(hiredis.pack_command, commands))]  # type: ignore[arg-type]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """As redis-py's, which does not know uvloop's word for a connection that was reset since it was last used."""
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            await self.disconnect(nowait=True)
            raise ConnectionError("the connection was closed") from error


def connect(url: str, key_prefix: str) -> Redis:
    """A client that waits for a free connection rather than failing; whoever made it closes it."""
    pool = BlockingConnectionPool.from_url(
        url,
        connection_class=PackingConnection,
        max_connections=CONNECTIONS,
        timeout=5,
        redis_connect_func=_checking_in(key_prefix),
    )
    return Redis.from_pool(pool)


def _checking_in(key_prefix: str) -> Callable[[Connection], Awaitable[None]]:
    """A server that was restarted may have lost its last second, a new master what it was not sent.

    So every connection first says on which server it is: data from before is closed until it has been rebuilt.
    """

    async def check_in(connection: Connection) -> None:
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        if run_id := read_run_id(await connection.read_response()):
            names = Names(key_prefix)
            await connection.send_command(
                "EVAL", source("check_in"), 3, names.programmes, names.events, names.server,
                names.prefix, 0, "", "", run_id,
            )  # fmt: skip
            answer, *closed = await connection.read_response()
            if answer == b"closed":
                log.error("capacity.server_changed", closed_epoch=closed[0].decode())

    return check_in
