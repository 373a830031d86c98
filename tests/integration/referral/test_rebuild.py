"""Redis is lost under load: capacity is rebuilt from the record, and nobody loses a place or a queue position."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy import update

from services.contracts.claims import ClaimRequest, ClaimResult, DataVersion
from services.contracts.vocabulary import ReferralState
from services.kit.errors import Conflict, TransientError
from services.kit.http.service_token import TokenFile
from services.kit.sql.lease import Lease
from services.local.ports import Ports
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.adapters.sql_record import SqlRecord
from services.referral.adapters.tables import leases
from services.referral.bootstrap import bootstrap
from services.referral.handlers.claim_places import ClaimPlaces
from services.referral.handlers.rebuild import CapacityRebuilder
from services.referral.handlers.route_new_referrals import RouteNewReferrals
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import CONSUMER, Clock, Country, programme_body
from tests.integration.referral.traffic import answer_forever, everybody, pending, submit_all, working
from tests.support.eventually import eventually
from tests.support.servers import new_server
from tests.unit.referral.samples import diagnosis, event

S = ReferralState
pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[str]:
    """A server of the test's own: it is flushed."""
    with Ports() as ports:
        server = new_server("valkey", tmp_path / "valkey", ports)
        server.start()
        yield server.address
        server.stop()


@pytest.fixture
async def redis(valkey: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(valkey) as client:
        yield client


@pytest.fixture
async def country(settings: ReferralSettings, capacity: FastAPI) -> AsyncIterator[Country]:
    clock = Clock()
    transport = httpx2.ASGITransport(capacity)
    async with httpx2.AsyncClient(transport=transport, base_url="http://capacity") as client:
        over_http = HttpCapacity(client, TokenFile(settings.service_token_file))
        async with bootstrap(settings, clock=clock, capacity=over_http) as service:
            service.reconcile.progress, service.reconcile.patience = None, 0.3
            yield Country(service, capacity.state.capacity.store, clock)


async def differences(country: Country) -> list[str]:
    report = await country.service.reconcile()
    assert report.unsettled == 0
    return [f"{one.kind} {one.about}: {one.record} {one.capacity}" for one in report.differences]


async def ever_offered(country: Country) -> set[int]:
    return {one.referral.id.int for one in await everybody(country) if one.offers}


async def assert_nobody_overtaken(country: Country, last: int) -> None:
    """All may go everywhere and come by rank: who was ever offered a place stands before all who never were."""
    found = await everybody(country)
    assert {one.referral.id.int for one in found} == set(range(1, last + 1))
    offered = await ever_offered(country)
    assert offered == set(range(1, len(offered) + 1)), sorted(set(range(1, max(offered))) - offered)
    assert all(one.referral.state is S.WAITING for one in found if not one.offers)


async def test_a_new_network_gets_its_first_generation(country: Country) -> None:
    assert await country.service.rebuilder.rebuild_if_needed()
    assert not await country.service.rebuilder.rebuild_if_needed()
    await country.open("near", places=1)
    await country.submit(1, 2)
    assert [await country.where(number) for number in (1, 2)] == [(S.OFFERED, "near"), (S.WAITING, None)]
    assert await differences(country) == []


async def test_each_state_of_a_referral_has_its_claim_again(country: Country, redis: Redis) -> None:
    await country.service.rebuilder.rebuild_if_needed()
    await country.open("near", places=4)
    await country.open("far", places=0, settlement="far")
    await country.submit(*range(1, 9))
    await country.accept(2)
    await country.admit(3)
    await country.decline(4)
    await country.deliver()
    before, queues = await country.figures(), [await country.queue(name) for name in ("near", "far")]
    where = [await country.where(number) for number in range(1, 9)]
    await redis.flushall()
    assert await country.service.rebuilder.rebuild_if_needed()
    assert await country.figures() == before
    assert [await country.queue(name) for name in ("near", "far")] == queues
    assert (await country.occupied())["near"] == 1
    await country.deliver()
    assert [await country.where(number) for number in range(1, 9)] == where
    assert await differences(country) == []


async def test_a_place_that_came_free_meanwhile_goes_to_the_first_who_waits(country: Country, redis: Redis) -> None:
    await country.service.rebuilder.rebuild_if_needed()
    await country.open("near", places=2)
    await country.submit(1, 2, 3, 4)
    await country.decline(1)
    await redis.flushall()
    await country.service.rebuilder.rebuild_if_needed()
    await country.deliver()
    assert [await country.where(number) for number in (1, 2, 3, 4)] == [
        (S.UNPLACEABLE, None), (S.OFFERED, "near"), (S.OFFERED, "near"), (S.WAITING, None),
    ]  # fmt: skip
    assert await differences(country) == []


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_flushed_under_load_nobody_loses_a_place_or_a_position(country: Country, redis: Redis, seed: int) -> None:
    async with working(country):
        await eventually(country.service.rebuilder.record.data_version)
        await country.register("near", programme_body("near", 7))
        await country.register("far", programme_body("far", 4), settlement="far")
        await eventually(lambda: _opened(country, 2))
        answering = asyncio.create_task(answer_forever(country, seed))
        submitting = asyncio.create_task(submit_all(country, range(1, 301)))
        for some in (60, 150):
            await eventually(lambda some=some: _more_than(country, some), within=40)  # type: ignore[misc]
            await redis.flushall()
        await submitting
        answering.cancel()
    assert await differences(country) == []
    await assert_nobody_overtaken(country, 300)


async def _opened(country: Country, programmes: int) -> bool:
    return len(await country.figures()) == programmes


async def _more_than(country: Country, number: int) -> bool:
    return len(await everybody(country)) > number


async def test_data_from_an_older_file_is_refused_and_rebuilt(country: Country, redis: Redis) -> None:
    await country.service.rebuilder.rebuild_if_needed()
    await country.open("near", places=3)
    await country.submit(1)
    older = {key: await redis.dump(key) for key in await redis.keys()}
    await country.submit(2, 3, 4, 5)
    await country.deliver()
    await redis.flushall()
    for key, value in older.items():
        assert value
        await redis.restore(key, 0, value)
    with pytest.raises(TransientError, match="rebuilding"):
        await country.submit(6)
    async with working(country):
        await submit_all(country, range(6, 7))
    assert await country.figures() == {"near": (3, 3, 3)}
    assert await differences(country) == []


class Killed(BaseException):
    """As kill -9: nothing is tidied up."""


class Killable:
    """A side of the rebuilder that is killed before its nth call, and has no effect after that."""

    def __init__(self, inner: Any, calls: list[int]) -> None:
        self._inner, self._calls = inner, calls

    def __getattr__(self, name: str) -> Any:
        if name == "lease":
            return Killable(self._inner.lease, self._calls)

        async def call(*arguments: Any) -> Any:
            self._calls[0] -= 1
            if self._calls[0] < 0:
                raise Killed
            return await getattr(self._inner, name)(*arguments)

        return call


async def test_a_rebuilder_killed_between_any_two_steps_is_followed_by_another(country: Country, redis: Redis) -> None:
    rebuilder = country.service.rebuilder
    await rebuilder.rebuild_if_needed()
    await country.open("near", places=2)
    await country.submit(1, 2, 3)
    await country.decline(1)
    await country.deliver()
    expected = await country.figures()
    for step in range(100):
        await redis.flushall()
        calls = [step]
        killable = Killable(rebuilder.record, calls), Killable(rebuilder.capacity, calls)
        try:
            await CapacityRebuilder(*killable, country.clock).rebuild_if_needed()
            break
        except Killed:
            await _end_leases(country)
            again = await rebuilder.rebuild_if_needed()
            assert again or calls[0] == -1, "begun again, unless only the release of the lease was left"
            await country.deliver()
            assert await country.figures() == expected
    assert step > 12
    assert await differences(country) == []


async def _end_leases(country: Country) -> None:
    over = update(leases).values(until=0)
    await country.service.database.write(lambda session: session.execute(over))


async def test_one_process_rebuilds_at_a_time(country: Country, redis: Redis) -> None:
    rebuilder = country.service.rebuilder
    await rebuilder.rebuild_if_needed()
    await country.open("near", places=2)
    database = country.service.database
    others = [
        CapacityRebuilder(SqlRecord(database, Lease(database, leases, "rebuild")), rebuilder.capacity, country.clock)
        for _ in range(4)
    ]
    await redis.flushall()
    assert sum(await asyncio.gather(*(one.rebuild_if_needed() for one in others))) == 1
    assert await country.figures() == {"near": (2, 0, 0)}


class Interrupted(HttpCapacity):
    """Something happens between a claim's grant and its commit."""

    happens: Any = None

    async def claim(
        self, requests: Sequence[ClaimRequest], seen: DataVersion | None
    ) -> tuple[Sequence[ClaimResult], DataVersion]:
        answer = await super().claim(requests, seen)
        if self.happens:
            happens, self.happens = self.happens, None
            await happens()
        return answer


async def test_what_the_lost_generation_granted_is_not_committed(country: Country, redis: Redis) -> None:
    service, rebuilder = country.service, country.service.rebuilder
    await rebuilder.rebuild_if_needed()
    await country.open("near", places=1)
    capacity = rebuilder.capacity
    assert isinstance(capacity, HttpCapacity)
    claims = Interrupted(capacity._client, capacity._token)

    async def lost_and_rebuilt() -> None:
        await redis.flushall()
        assert await rebuilder.rebuild_if_needed()
        await country.submit(2)  # it gets the place that the other was granted before

    claims.happens = lost_and_rebuilt
    route = RouteNewReferrals(ClaimPlaces(claims, service.registry), service.registry, country.clock)
    reactions = replace(service.reactions, route_new_referrals=route)
    with pytest.raises(Conflict):
        await reactions(CONSUMER, [event(diagnosis(1))])
    assert [one.referral.id.int for one in await everybody(country)] == [2]
    await reactions(CONSUMER, [event(diagnosis(1))])
    assert [await country.where(number) for number in (1, 2)] == [(S.WAITING, None), (S.OFFERED, "near")]
    assert await differences(country) == []


async def test_a_hand_over_of_the_lost_generation_is_void(country: Country, redis: Redis) -> None:
    rebuilder = country.service.rebuilder
    await rebuilder.rebuild_if_needed()
    await country.open("near", places=1)
    await country.submit(1, 2)
    await country.set_places("near", 2)
    late = await country.capacity_events()
    await redis.flushall()
    await rebuilder.rebuild_if_needed()
    await country.handle(late)
    await country.deliver()
    assert await country.where(2) == (S.OFFERED, "near")
    assert await country.figures() == {"near": (2, 2, 0)}
    assert await differences(country) == []
    assert await pending(country) == 0
