"""A server of the test's own, killed and started again: its data may lack the last steps."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.capacity.adapters.redis_connection import connect
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store as store_on
from services.capacity.domain.figures import stale_after
from services.capacity.ports import Rebuilding
from services.kit.errors import TransientError
from services.local.ports import Ports
from tests.integration.capacity.network import NOW, claim, open_programme, opening
from tests.support.eventually import eventually
from tests.support.servers import Server, new_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Ports() as ports:
        made = new_server("valkey", tmp_path, ports)
        made.start()
        yield made
        made.stop()


async def test_nothing_is_granted_on_the_data_of_a_server_that_was_restarted(server: Server) -> None:
    redis = connect(server.address, "p")
    store = store_on(RedisScripts(redis, "p"), stale_after(7))
    await open_programme(store, "a", 5)
    await claim(store, 1, "a")
    server.kill()
    server.start()

    async def refused() -> bool:
        try:
            await claim(store, 2, "a")
        except Rebuilding:
            return True
        except TransientError:
            return False
        raise AssertionError("granted")

    await eventually(refused)
    epoch = (await store.rebuild.generation(None)).epoch
    assert epoch is not None
    following = str(int(epoch) + 1)
    await store.rebuild.begin(following)
    await store.rebuild.open(following, NOW)
    assert (await store.programmes.snapshot(NOW)).data_version.epoch == following
    await redis.aclose()
    again = connect(server.address, "p")
    reconnected = store_on(RedisScripts(again, "p"), stale_after(7))
    assert (await reconnected.programmes.snapshot(NOW)).data_version.epoch == following
    await again.aclose()


async def test_a_rebuild_begins_anew_when_its_server_was_restarted(server: Server) -> None:
    """Its last claims may be lost with the last second, and their places would be given again."""
    redis = connect(server.address, "p")
    store = store_on(RedisScripts(redis, "p"), stale_after(7))
    await store.rebuild.begin("9000000000000")
    await store.rebuild.restore_programmes("9000000000000", [opening("a", 5)])
    server.kill()
    server.start()

    async def refused() -> bool:
        try:
            await store.rebuild.open("9000000000000", NOW)
        except Rebuilding:
            return True
        except TransientError:
            return False
        raise AssertionError("opened")

    await eventually(refused)
    await redis.aclose()
