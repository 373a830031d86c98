"""On a real cluster of three nodes: capacity, of which one node has all keys and may change, limits, and sessions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from time import time

import pytest
from pydantic import SecretStr

from services.capacity.adapters.redis_connection import connect_cluster
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store as store_on
from services.capacity.domain.figures import stale_after
from services.capacity.ports import Rebuilding, Store
from services.console.bootstrap import open_redis
from services.console.sign_in.sealing import Seal
from services.console.sign_in.sessions import Session, Sessions
from services.contracts.claims import ClaimResult
from services.contracts.rebuild import RestoredClaim
from services.contracts.vocabulary import ClaimState, Role
from services.kit.errors import TransientError
from services.kit.http.limits import Budget, Caller, limiting
from services.kit.http.problems import Problem
from services.kit.redis_cluster import cluster_node
from services.kit.settings import ServiceSettings
from tests.integration.capacity.network import (
    NOW,
    claim,
    figures,
    occupy,
    open_programme,
    opening,
    present,
    queue,
    referral,
    release,
    story,
)
from tests.integration.capacity.relay_bench import relay_store
from tests.integration.capacity.test_rebuild import NEW, kept, rebuild
from tests.support.eventually import eventually
from tests.support.valkey_cluster import NODES, ValkeyCluster, running_cluster

HELD, WAITING = ClaimState.HELD, ClaimState.WAITING


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
async def scripts(cluster: ValkeyCluster, prefix: str) -> AsyncIterator[RedisScripts]:
    redis = connect_cluster(cluster_node(cluster.url), prefix)
    yield RedisScripts(redis, prefix)
    await redis.aclose()


@pytest.fixture
def store(scripts: RedisScripts) -> Store:
    return store_on(scripts, stale_after(7))


def another_node(cluster: ValkeyCluster, scripts: RedisScripts) -> int:
    return (cluster.owner(scripts.programmes) + 1) % NODES


async def test_of_50_tasks_racing_on_a_cluster_7_hold_the_7_places_and_43_wait_in_order(store: Store) -> None:
    await open_programme(store, "a", 7)
    results = await asyncio.gather(*(claim(store, number, "a") for number in range(1, 51)))
    held = [one for one in results if one.state is HELD]
    waiting = sorted(one.referral_id.int for one in results if one.state is WAITING)
    assert (len(held), len(waiting)) == (7, 43)
    assert await queue(store, "a") == waiting
    assert len(await kept(store)) == 50


async def test_the_relay_has_its_lease_and_reads_the_steps_on_a_cluster(store: Store, scripts: RedisScripts) -> None:
    await open_programme(store, "a", 1)
    await claim(store, 1, "a")
    relay = relay_store(scripts)
    assert await relay.acquire() is True
    assert len(await relay.pending(100, 0.01)) == len(await story(store)) == 2


async def test_all_of_capacity_is_on_one_node(store: Store, scripts: RedisScripts, cluster: ValkeyCluster) -> None:
    await open_programme(store, "a", 0)
    await claim(store, 1, "a")
    where = {node: len(cluster.keys(scripts.programmes, node)) for node in range(NODES)}
    assert where == {node: 5 if node == cluster.owner(scripts.programmes) else 0 for node in range(NODES)}


async def test_a_script_has_no_effect_while_some_of_its_keys_have_moved(
    store: Store, scripts: RedisScripts, cluster: ValkeyCluster
) -> None:
    """The claim that is released is there, the queue that it would be handed over from is elsewhere."""
    await open_programme(store, "a", 1)
    await claim(store, 1, "a")
    await claim(store, 2, "a")
    source, to, before = cluster.owner(scripts.programmes), another_node(cluster, scripts), await story(store)
    cluster.begin_move(scripts.programmes, to)
    cluster.move_keys(source, to, scripts.queue_key("a"))
    for step in (release(store, 1), occupy(store, 1), claim(store, 1, "a", attempt=2), open_programme(store, "a", 2)):
        with pytest.raises(TransientError):
            await step
    cluster.end_move(scripts.programmes, to)
    assert await story(store) == before
    with pytest.raises(Rebuilding):
        await release(store, 1)
    assert await rebuild(store, {"a": 1}, had(1, HELD, "a"), had(2, WAITING, "a")) == 0
    await release(store, 1)
    assert (await present(store, 2)).state is HELD


async def test_data_that_came_to_a_node_which_the_client_knows_are_closed_before_its_first_grant(
    store: Store, scripts: RedisScripts, cluster: ValkeyCluster
) -> None:
    to = another_node(cluster, scripts)
    await open_programme(store, "a", 5)
    await scripts.redis.ping(target_nodes="all")  # a connection to each node
    cluster.begin_move(scripts.programmes, to)
    cluster.end_move(scripts.programmes, to)
    with pytest.raises(Rebuilding):
        await claim(store, 1, "a")
    await rebuild(store, {"a": 5})
    assert (await claim(store, 1, "a")).state is HELD


async def test_no_place_is_given_twice_when_the_data_move_amid_claims(
    store: Store, scripts: RedisScripts, cluster: ValkeyCluster
) -> None:
    await open_programme(store, "a", 150)
    granted: dict[int, ClaimResult] = {}
    numbers = iter(range(1, 201))

    async def child(number: int) -> None:
        while number not in granted:
            with suppress(TransientError, Rebuilding):
                granted[number] = await claim(store, number, "a")
            await asyncio.sleep(0.002)

    async def claims() -> None:
        for number in numbers:
            await child(number)

    tasks = [asyncio.create_task(claims()) for _ in range(4)]
    while len(granted) < 40:
        await asyncio.sleep(0.001)
    to = another_node(cluster, scripts)
    cluster.begin_move(scripts.programmes, to)
    await asyncio.sleep(0.05)
    cluster.end_move(scripts.programmes, to)
    await rebuilt(store, granted)
    await asyncio.gather(*tasks)
    assert len([one for one in granted.values() if one.state is HELD]) == 150
    assert (await figures(store, "a")).held == 150
    assert {number for number, one in (await kept(store)).items() if one.state is HELD} == {
        number for number, one in granted.items() if one.state is HELD
    }


async def test_a_node_that_cannot_be_checked_grants_nothing(
    store: Store, scripts: RedisScripts, cluster: ValkeyCluster, prefix: str
) -> None:
    await open_programme(store, "a", 1)
    for client in cluster.clients:
        client.execute_command("ACL", "SETUSER", "blind", "on", ">secret", "~*", "&*", "+@all", "-info")
    blind = connect_cluster(cluster_node(cluster.url).replace("://", "://blind:secret@"), prefix)
    try:
        with pytest.raises(TransientError, match="redis"):
            await claim(store_on(RedisScripts(blind, prefix), stale_after(7)), 1, "a")
    finally:
        await blind.aclose()
    assert (await claim(store, 2, "a")).state is HELD, "the place is as free as it was"


async def test_two_processes_spend_one_budget_on_a_cluster(cluster: ValkeyCluster, prefix: str) -> None:
    settings = ServiceSettings(
        mode="local", kafka_servers="unused", limits={"requests": {"organization": "40/hour"}},
        limits_url=SecretStr(cluster.url), topic_prefix=prefix,
    )  # fmt: skip
    caller = Caller("10.0.0.1", "a", "c1")
    async with limiting(settings) as first, limiting(settings) as second:
        for _ in range(20):
            await first.spend(Budget.REQUESTS, caller)
            await second.spend(Budget.REQUESTS, caller)
        for one in first, second:
            with pytest.raises(Problem) as refused:
                await one.spend(Budget.REQUESTS, caller)
            assert refused.value.status == 429


async def test_all_sessions_of_a_person_end_though_their_keys_are_on_many_nodes(
    cluster: ValkeyCluster, prefix: str
) -> None:
    redis = open_redis(cluster.url)
    sessions = Sessions(redis, Seal([b"k" * 32]), prefix, 3600, 36_000)
    session = Session("person", Role.CENTER, "c1", {"kk": "бір"}, "token", time() + 3600, time())
    secrets = [await sessions.begin(session) for _ in range(9)]
    assert [await sessions.find(secret) for secret in secrets] == [session] * 9
    assert await sessions.end_all(subject="person") == 9
    assert [await sessions.find(secret) for secret in secrets] == [None] * 9
    await redis.aclose()


async def rebuilt(store: Store, granted: dict[int, ClaimResult]) -> None:
    """As the worker does it when capacity says so: from the record, which is what was granted."""

    async def closed() -> bool:
        try:
            return not await store.programmes.snapshot(NOW)
        except TransientError:
            return False
        except Rebuilding:
            return True

    await eventually(closed, "the data are closed where they have come")
    await store.rebuild.begin(NEW)
    record = [had(number, one.state, "a") for number, one in granted.items()]
    await store.rebuild.restore_programmes(NEW, [opening("a", 150)])
    await store.rebuild.restore_claims(NEW, record)
    await store.rebuild.open(NEW, NOW)


def had(number: int, state: ClaimState, programme: str) -> RestoredClaim:
    return RestoredClaim(referral_id=referral(number), attempt=1, state=state, rank=number, programme_ids=(programme,))
