"""The audit: every planted drift is found and repaired, and traffic alone raises no alarm."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from services.kit.errors import TransientError
from services.kit.http.service_token import TokenFile
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.adapters.tables import outbox
from services.referral.bootstrap import bootstrap
from services.referral.domain.life import Command
from services.referral.domain.reconciliation import Kind
from services.referral.handlers.reconcile import Ends, Report
from services.referral.settings import ReferralSettings
from tests.integration.referral.conftest import Client
from tests.integration.referral.country import Clock, Country, programme_body
from tests.integration.referral.traffic import answer_forever, submit_all, working

K = Kind
pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def country(settings: ReferralSettings, capacity: FastAPI) -> AsyncIterator[Country]:
    clock = Clock()
    transport = httpx2.ASGITransport(capacity)
    async with httpx2.AsyncClient(transport=transport, base_url="http://capacity") as client:
        over_http = HttpCapacity(client, TokenFile(settings.service_token_file))
        async with bootstrap(settings, clock=clock, capacity=over_http) as service:
            service.reconcile.progress, service.reconcile.patience = None, 0.3
            await service.rebuilder.rebuild_if_needed()
            yield Country(service, capacity.state.capacity.store, clock)


@pytest.fixture
async def redis(valkey: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(valkey, decode_responses=True) as client:
        yield client


def found(report: Report) -> set[tuple[Kind, str]]:
    """What differs: the kind, and the referral's number or the programme."""
    return {
        (one.kind, str(one.referral_id.int) if one.referral_id else str(one.programme_id)) for one in report.differences
    }


Plant = Callable[["Drifting"], Awaitable[object]]


class Drifting:
    """Capacity's keys, to be spoiled. 1 holds near, 2 waits for near and far, 3 behind it, 4 was given back."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis, self.prefix = redis, f"{{{prefix}}}:"

    def claim(self, number: int) -> str:
        return f"{self.prefix}claim:{UUID(int=number)}"

    def queue(self, name: str) -> str:
        return f"{self.prefix}queue:{name}"

    async def edit(self, name: str, position: int, value: str) -> None:
        """Change one word of a programme's record."""
        words = str(await self.redis.hget(f"{self.prefix}programmes", name)).split(" ")
        words[position] = value
        await self.redis.hset(f"{self.prefix}programmes", name, " ".join(words))


DRIFTS: dict[str, tuple[Plant, set[tuple[Kind, str]]]] = {
    "a place is forgotten": (
        lambda d: d.redis.delete(d.claim(1)), {(K.CLAIM_MISSING, "1"), (K.COUNT_DIFFERS, "near")},
    ),
    "a queue entry is forgotten": (
        lambda d: d.redis.delete(d.claim(2)),
        {(K.CLAIM_MISSING, "2"), (K.COUNT_DIFFERS, "near"), (K.COUNT_DIFFERS, "far")},
    ),
    "a ghost holds a place": (
        lambda d: d.redis.set(d.claim(99), "1 held 5 near"), {(K.CLAIM_UNKNOWN, "99"), (K.COUNT_DIFFERS, "near")},
    ),
    "a released claim holds again": (
        lambda d: d.redis.set(d.claim(4), "1 held 5 near"), {(K.CLAIM_UNKNOWN, "4"), (K.COUNT_DIFFERS, "near")},
    ),
    "another attempt": (lambda d: d.redis.set(d.claim(1), "2 held 1 near"), {(K.CLAIM_DIFFERS, "1")}),
    "another state": (
        lambda d: d.redis.set(d.claim(1), "1 occupied 1 near"), {(K.CLAIM_DIFFERS, "1"), (K.COUNT_DIFFERS, "near")},
    ),
    "another programme": (
        lambda d: d.redis.set(d.claim(1), "1 held 1 far"),
        {(K.CLAIM_DIFFERS, "1"), (K.COUNT_DIFFERS, "near"), (K.COUNT_DIFFERS, "far")},
    ),
    "out of one queue": (
        lambda d: d.redis.zrem(d.queue("far"), str(UUID(int=2))), {(K.QUEUES_DIFFER, "2"), (K.COUNT_DIFFERS, "far")},
    ),
    "behind in one queue": (
        lambda d: d.redis.zadd(d.queue("far"), {str(UUID(int=2)): 9e14}), {(K.QUEUES_DIFFER, "2")},
    ),
    "a ghost stands in a queue": (
        lambda d: d.redis.zadd(d.queue("far"), {str(UUID(int=99)): 1}), {(K.COUNT_DIFFERS, "far")},
    ),
    "one too many is counted": (lambda d: d.edit("near", 1, "2"), {(K.COUNT_DIFFERS, "near")}),
    "a figure is another": (lambda d: d.edit("far", 3, "1"), {(K.FIGURE_DIFFERS, "far")}),
    "a place is idle": (
        lambda d: d.edit("near", 0, "2"), {(K.FIGURE_DIFFERS, "near"), (K.IDLE_PLACE, "near")},
    ),
    "a programme is gone": (
        lambda d: d.redis.hdel(f"{d.prefix}programmes", "far"), {(K.PROGRAMME_MISSING, "far")},
    ),
    "a programme too many": (
        lambda d: d.redis.hset(f"{d.prefix}programmes", "x", "1 0 0 0 1 1 x KZ-10 day_stay"),
        {(K.PROGRAMME_UNKNOWN, "x")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DRIFTS)
async def test_a_planted_drift_is_found_and_repaired(country: Country, redis: Redis, prefix: str, name: str) -> None:
    await country.open("near", places=1)
    await country.open("far", places=0, settlement="far")
    await country.submit(1, 2, 3, 4)
    await country.act(4, Command.CANCEL, "other")
    await country.deliver()
    figures, queues = await country.figures(), [await country.queue(one) for one in ("near", "far")]
    assert (await country.service.reconcile()).differences == ()
    plant, expected = DRIFTS[name]
    await plant(Drifting(redis, prefix))
    assert found(await country.service.reconcile()) == expected

    repaired = await country.service.repair()
    assert found(repaired.before) == expected
    assert repaired.opened is not None
    assert repaired.after.differences == ()
    assert (await country.figures(), [await country.queue(one) for one in ("near", "far")]) == (figures, queues)
    again = await country.service.repair()
    assert again.opened is None


async def test_a_difference_says_what_each_side_has(country: Country, redis: Redis, prefix: str) -> None:
    await country.open("near", places=1)
    await country.submit(1)
    drifting = Drifting(redis, prefix)
    await redis.set(drifting.claim(1), "1 occupied 7 near")
    await drifting.edit("near", 1, "0")
    await drifting.edit("near", 2, "1")
    (one,) = (await country.service.reconcile()).differences
    assert (one.kind, one.programme_id, one.referral_id) == (K.CLAIM_DIFFERS, "near", UUID(int=1))
    assert one.record == {
        "claim": "held", "attempt": 1, "programmes": ["near"], "referral": "offered", "version": 1,
    }  # fmt: skip
    assert one.capacity == {"claim": "occupied", "attempt": 1, "programmes": ["near"]}


async def test_traffic_raises_no_alarm(country: Country) -> None:
    country.service.reconcile.patience = 5  # events are carried by hand here, and on a slow machine slowly
    async with working(country):
        await country.register("near", programme_body("near", 6))
        await country.register("far", programme_body("far", 6), settlement="far")
        submitting = asyncio.create_task(submit_all(country, range(1, 200), together=3))
        answering = asyncio.create_task(answer_forever(country, 7, admitting=True))
        for _ in range(8):
            report = await country.service.reconcile()
            assert (found(report), report.unsettled) == (set(), 0)
        assert report.referrals > 0
        await submitting  # to cut it off would leave a claim that nobody records
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
    report = await country.service.reconcile()
    assert (found(report), report.unsettled) == (set(), 0)
    assert report.claims > 12


class Backlog:
    """A worker that has not come to the events of now."""

    behind = True

    async def ends(self) -> Ends:
        return {("t", 0): 7}

    async def passed(self, ends: Ends) -> bool:
        if self.behind:
            raise TransientError("kafka: away")
        return ends == {("t", 0): 7}


async def test_what_may_still_be_on_its_way_is_no_difference_yet(country: Country, redis: Redis, prefix: str) -> None:
    await country.open("near", places=2)
    await country.submit(1, 2)
    await country.act(1, Command.CANCEL, "other")
    step = await country.capacity.steps.last()
    await redis.hset(f"{{{prefix}}}:relay:checkpoints", "relayed", str(step))
    audit, backlog = country.service.reconcile, Backlog()
    audit.progress, audit.most = backlog, 1.0
    report = await audit()
    assert (report.differences, report.unsettled) == ((), 1)
    backlog.behind = False
    assert ((await audit()).differences, (await audit()).unsettled) == ((), 1)  # its own event is not published yet
    await country.service.database.write(
        lambda session: session.execute(outbox.rows.update().values(acknowledged_at=1))
    )
    audit.most = 20.0
    assert found(await audit()) == {(K.CLAIM_UNKNOWN, "1")}


async def test_an_operator_audits_and_repairs_over_http(
    country: Country, redis: Redis, prefix: str, api: FastAPI, client: Client
) -> None:
    await country.open("near", places=1)
    await country.submit(1)
    service = country.service
    api.state.service = service
    assert (await client("polyclinic", org="p1").get("/v1/audit")).status_code == 403
    operator = client("operator")
    clean = (await operator.get("/v1/audit")).json()
    assert (clean["differences"], clean["programmes"], clean["referrals"], clean["claims"]) == ([], 1, 1, 1)
    await redis.delete(Drifting(redis, prefix).claim(1))
    body = (await operator.get("/v1/audit")).json()
    assert {one["kind"] for one in body["differences"]} == {"claim_missing", "count_differs"}
    repaired = (await operator.post("/v1/audit/repair")).json()
    assert {one["kind"] for one in repaired["changed"]} == {"claim_missing", "count_differs"}
    assert repaired["audit"]["differences"] == []
    assert repaired["epoch"] == repaired["audit"]["data_version"]["epoch"] != clean["data_version"]["epoch"]
    nothing = (await operator.post("/v1/audit/repair")).json()
    assert (nothing["changed"], nothing["epoch"]) == ([], None)
