"""Attacks on who may read a child: forged events, and access that is lost while nothing carries events."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from aiokafka import AIOKafkaProducer

from services.contracts.events import ReferralOfferedV1, write_event
from services.contracts.vocabulary import ReferralState
from services.intake.bootstrap import utc_now
from tests.support import record_queries
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.eventually import eventually
from tests.support.kafka_admin import admin_options
from tests.support.network import RunningNetwork


@pytest.fixture
async def intake(country: RunningNetwork) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=country.url("intake"), timeout=20) as client:
        yield client


async def reads(country: RunningNetwork, intake: httpx2.AsyncClient, role: str, org: str, id: str) -> int:
    """The status of a read of a diagnosis."""
    return (await intake.get(f"/v1/diagnoses/{id}", headers=country.headers(role, org))).status_code


async def offered(country: RunningNetwork, seed: int) -> tuple[str, str]:
    """A referral that is offered to a center, and the center."""
    ids = await submit_all(country, submissions(12, seed=seed))

    def find() -> tuple[str, str] | None:
        rows = record_queries.query(
            country.plan.referral_sql_url, "SELECT id, center_id FROM referrals WHERE state = 'offered'"
        )
        return next(((str(id), str(center)) for id, center in rows if str(id) in ids), None)

    found: tuple[str, str] = await eventually(find, "a child is offered", within=30)
    return found


async def test_a_forged_offer_in_the_real_kafka_opens_no_child(
    country: RunningNetwork, intake: httpx2.AsyncClient
) -> None:
    id, center = await offered(country, seed=501)
    forged = ReferralOfferedV1(
        referral_id=UUID(id), child_id=uuid4(), polyclinic_id=POLYCLINIC, version=999, state=ReferralState.OFFERED,
        attempt=99, center_id="center-of-a-thief", programme_id="p", actor="router",
    )  # fmt: skip
    producer = AIOKafkaProducer(**admin_options(country.plan))  # a thief who has the broker itself
    await producer.start()
    for topic in ("referrals.v1", "routing.v1"):
        event = write_event(forged, event_id=str(uuid4()), source="/joldama/referral", time=utc_now())
        await producer.send_and_wait(f"joldama.{topic}", event, key=id.encode())
    await producer.stop()
    other = (await submit_all(country, submissions(1, seed=502)))[0]
    await eventually(lambda: other in record_queries.referrals(country), "what came later is routed", within=30)
    assert await reads(country, intake, "center", "center-of-a-thief", id) == 404
    assert await reads(country, intake, "center", center, id) == 200


async def test_a_center_that_declines_reads_nothing_from_that_moment_with_both_relays_stopped(
    country: RunningNetwork, intake: httpx2.AsyncClient
) -> None:
    id, center = await offered(country, seed=503)
    assert await reads(country, intake, "center", center, id) == 200
    with country.paused("intake-relay"), country.paused("referral-relay"):
        async with httpx2.AsyncClient(base_url=country.url("referral")) as referral:
            body = {"reason": "no_capacity"}
            who = country.headers("center", center)
            declined = await referral.post(f"/v1/referrals/{id}/decline", json=body, headers=who)
        assert declined.status_code == 200, declined.text
        assert await reads(country, intake, "center", center, id) == 404
        assert await reads(country, intake, "polyclinic", POLYCLINIC, id) == 200


async def test_nobody_reads_while_the_referral_service_hangs_and_a_submission_is_taken_all_the_same(
    country: RunningNetwork, intake: httpx2.AsyncClient
) -> None:
    id, center = await offered(country, seed=504)
    polyclinic = country.headers("polyclinic", POLYCLINIC)
    [body] = submissions(1, seed=505)
    with country.paused("referral"):
        for role, org in (("center", center), ("polyclinic", POLYCLINIC), ("polyclinic", "another")):
            assert await reads(country, intake, role, org, id) == 503
        assert (await intake.post("/v1/diagnoses", json=body, headers=polyclinic)).status_code == 201
        again = await intake.post("/v1/diagnoses", json=body, headers=polyclinic)
        assert (again.status_code, again.json()["code"]) == (503, "unavailable")
        assert "Retry-After" in again.headers
    assert await reads(country, intake, "center", center, id) == 200
    assert (await intake.post("/v1/diagnoses", json=body, headers=polyclinic)).status_code == 409


async def test_who_is_refused_is_in_the_audit(country: RunningNetwork, intake: httpx2.AsyncClient) -> None:
    id, _ = await offered(country, seed=506)
    for role, org in (("center", "center-of-a-thief"), ("polyclinic", "another")):
        assert await reads(country, intake, role, org, id) == 404
    rows: list[tuple[Any, ...]] = record_queries.query(
        country.plan.intake_sql_url,
        "SELECT role, org FROM audit_log WHERE act = 'read_diagnosis' AND refused <> '' "
        f"AND referral_id = '{id}' ORDER BY org",
    )
    assert rows == [("polyclinic", "another"), ("center", "center-of-a-thief")]


async def test_only_a_service_asks_who_has_a_referral(country: RunningNetwork) -> None:
    async with httpx2.AsyncClient(base_url=country.inside("referral")) as referral:
        for role in ("polyclinic", "center", "operator", "admin"):
            answer = await referral.post("/v1/access", json={"referral_ids": []}, headers=country.headers(role, "o"))
            assert answer.status_code == 403
        assert (await referral.post("/v1/access", json={"referral_ids": []})).status_code == 401
        many = {"referral_ids": [str(uuid4())] * 1001}
        assert (await referral.post("/v1/access", json=many, headers=country.headers("intake-api"))).status_code == 422
        outside = f"{country.url('referral')}/v1/access"
        assert (await referral.post(outside, json=many, headers=country.headers("intake-api"))).status_code == 404
