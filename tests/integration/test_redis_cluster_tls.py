"""On a real cluster that is reached by TLS only: each node's certificate is verified, those that MOVED names too."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from services.capacity.adapters.redis_connection import connect_cluster
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store as store_on
from services.capacity.domain.figures import stale_after
from services.capacity.ports import Rebuilding, Store
from services.console.bootstrap import open_redis
from services.contracts.vocabulary import ClaimState
from services.kit.errors import TransientError
from services.kit.http.limits import cluster_storage
from services.kit.redis_cluster import cluster_node
from services.local.private import write_private
from services.local.valkey import SETTINGS
from tests.integration.capacity.network import claim, open_programme
from tests.integration.capacity.test_rebuild import rebuild
from tests.integration.test_redis_cluster import another_node
from tests.support.tls import Certificates
from tests.support.valkey_cluster import Node, ValkeyCluster, running_cluster


class TlsNode(Node):
    """A Redis of Debian's (Valkey's wheel is built without TLS); its certificates are two folders above."""

    @property
    def above(self) -> Path:
        return self.folder.parent.parent

    @property
    def url(self) -> str:
        return f"{super().url.replace('redis:', 'rediss:')}?ssl_ca_certs={self.above / 'ca.pem'}"

    @property
    def operator_url(self) -> str:
        return f"{self.url}&ssl_check_hostname=false"

    def prepare(self) -> None:
        super().prepare()
        settings = self.folder / SETTINGS
        own = self.above / "server.pem"
        text = settings.read_text().replace(f"port {self.port}\n", f"port 0\ntls-port {self.port}\n", 1)
        text += f"tls-cert-file {own}\ntls-key-file {own}\ntls-ca-cert-file {self.above / 'ca.pem'}\n"
        write_private(settings, text + "tls-auth-clients no\ntls-cluster yes\ntls-replication yes\n")

    def command(self) -> list[str]:
        return ["/bin/sh", "-c", f"exec redis-server - < {SETTINGS}"]

    def is_ready(self) -> bool:
        return "Ready to accept" in (self.folder / "server.log").read_text()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server here: make test-stack installs one")
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def cluster(certificates: Certificates) -> Iterator[ValkeyCluster]:
    with running_cluster(certificates.ca.parent / "cluster", TlsNode) as made:
        yield made


@pytest.fixture
async def scripts(cluster: ValkeyCluster, prefix: str) -> AsyncIterator[RedisScripts]:
    redis = connect_cluster(cluster_node(cluster.url), prefix)
    yield RedisScripts(redis, prefix)
    await redis.aclose()


@pytest.fixture
def store(scripts: RedisScripts) -> Store:
    return store_on(scripts, stale_after(7))


def move(cluster: ValkeyCluster, key: str, to: int) -> None:
    cluster.begin_move(key, to)
    cluster.end_move(key, to)


@contextmanager
def certificate_of(cluster: ValkeyCluster, node: int, file: Path) -> Iterator[None]:
    """Connections that are made meanwhile meet this certificate."""
    client, names = cluster.clients[node], ("tls-cert-file", "tls-key-file")
    before = client.config_get(*names)
    client.config_set(names[0], str(file), names[1], str(file))
    try:
        yield
    finally:
        client.config_set(*chain(*before.items()))


async def test_claims_follow_their_data_by_tls(cluster: ValkeyCluster, scripts: RedisScripts, store: Store) -> None:
    await open_programme(store, "a", 7)
    for moved in (False, True):
        if moved:
            move(cluster, scripts.programmes, another_node(cluster, scripts))
            with pytest.raises(Rebuilding):
                await claim(store, 1, "a")
            await rebuild(store, {"a": 7})
        results = await asyncio.gather(*(claim(store, number, "a") for number in range(1, 31)))
        assert sum(one.state is ClaimState.HELD for one in results) == 7, "30 race for 7 places, on both nodes"


async def test_a_node_whose_certificate_is_another_host_s_is_not_followed(
    cluster: ValkeyCluster, certificates: Certificates, scripts: RedisScripts, store: Store
) -> None:
    await open_programme(store, "a", 1)
    to = another_node(cluster, scripts)
    with certificate_of(cluster, to, certificates.elsewhere):
        cluster.clients[to].execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        move(cluster, scripts.programmes, to)
        with pytest.raises(TransientError, match="redis"):
            await claim(store, 1, "a")
    with pytest.raises(Rebuilding):
        await claim(store, 1, "a")


async def test_a_cluster_of_another_authority_is_not_reached(
    cluster: ValkeyCluster, certificates: Certificates, prefix: str
) -> None:
    node = cluster_node(cluster.url).replace(str(certificates.ca), str(certificates.stranger))
    redis = connect_cluster(node, prefix)
    try:
        with pytest.raises(TransientError, match="redis"):
            await claim(store_on(RedisScripts(redis, prefix), stale_after(7)), 1, "a")
    finally:
        await redis.aclose()


async def test_limits_and_sessions_are_on_a_cluster_by_tls(cluster: ValkeyCluster, prefix: str) -> None:
    limits = cluster_storage(cluster_node(cluster.url), {"key_prefix": prefix, "implementation": "redispy"})
    assert [await limits.incr("a", 60) for _ in range(2)] == [1, 2], "a node counts"
    bridge: Any = limits.bridge
    await bridge.storage.aclose()
    redis = open_redis(cluster.url)
    try:
        assert await redis.set(f"{{{prefix}}}:session", "1"), "a node took it"
    finally:
        await redis.aclose()
