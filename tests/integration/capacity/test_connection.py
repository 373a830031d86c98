"""The connection to Redis under the loop that serves in production."""

from urllib.parse import urlsplit

import pytest
import uvloop
from redis.exceptions import ConnectionError

from services.capacity.adapters.redis_connection import connect
from services.local.ports import LOOPBACK
from tests.support.eventually import eventually
from tests.support.tcp_proxy import TcpProxies


def test_a_connection_that_was_reset_since_it_was_taken_is_a_connection_error(valkey: str, prefix: str) -> None:
    """uvloop raises a RuntimeError, which would be a fault of ours to the caller."""
    port = urlsplit(valkey).port
    assert port is not None
    with TcpProxies() as proxies:
        through = proxies.add("redis", port)

        async def ask() -> None:
            redis = connect(f"redis://{LOOPBACK}:{through}/0", prefix)
            taken = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
            proxies.cut("redis")
            await eventually(lambda: taken._writer.transport.is_closing(), "the reset is noticed")
            with pytest.raises(ConnectionError):
                await taken.send_packed_command([b"*1\r\n$4\r\nPING\r\n"])
            proxies.restore("redis")
            await redis.connection_pool.release(taken)
            assert await redis.ping()
            await redis.aclose()

        uvloop.run(ask())
