"""The worker on a real Kafka and a real intake: a withdrawn consent is believed when intake says so."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from services.contracts import topics
from services.contracts.events import ConsentWithdrawnV1, DiagnosisRecordedV1, read_event, write_event
from services.intake.adapters.history import HISTORY as INTAKE_HISTORY
from services.intake.adapters.tables import outbox
from services.intake.bootstrap import utc_now
from services.intake.entrypoints.api import create_api
from services.intake.handlers.drafts import SOURCE
from services.intake.settings import IntakeSettings
from services.kit.kafka.topics import create_topics
from services.kit.settings import CHECKOUT
from services.kit.sql.migrations import History
from services.referral.entrypoints.consuming import Consumers, open_consumers
from services.referral.settings import ReferralSettings
from tests.integration.referral.conftest import Token
from tests.integration.referral.worker import Message, go_on, listening
from tests.support.eventually import eventually
from tests.support.tcp_proxy import TcpProxies
from tests.unit.intake.samples import child_body


@dataclass
class Scene:
    """A worker, and intake behind a proxy."""

    consumers: Consumers
    intake: FastAPI
    polyclinic: httpx2.AsyncClient
    proxies: TcpProxies
    topic: str

    async def submit(self) -> dict[str, Any]:
        """A child of whom the worker has heard."""
        answer = await self.polyclinic.post("/v1/diagnoses", json=child_body(settlement_id="home"))
        receipt: dict[str, Any] = answer.json()
        await self.consumers.process(topics.DIAGNOSES, [self.message((await self.published())[-1])])
        return receipt

    async def published(self) -> list[bytes]:
        query = select(outbox.rows.c.payload).order_by(outbox.rows.c.sequence)
        database = self.intake.state.intake.database
        return list(await database.read(lambda session: session.execute(query).scalars().all()))

    def message(self, raw: bytes) -> Message:
        return Message(self.topic, raw)


@pytest.fixture
def proxies() -> Iterator[TcpProxies]:
    with TcpProxies() as proxies:
        yield proxies


@pytest.fixture
async def scene(
    settings: ReferralSettings,
    capacity: FastAPI,
    kafka: str,
    prefix: str,
    proxies: TcpProxies,
    token: Token,
    migrated_database: Callable[[str, History], str],
) -> AsyncIterator[Scene]:
    (settings.data / "icd10.csv").write_text("code,title\nG80,Cerebral palsy\nG80.1,Spastic diplegic\n")
    shared = settings.model_dump(include={"mode", "kafka_servers", "jwks", "issuer", "data"})
    sql = migrated_database("intake", INTAKE_HISTORY)
    intake = create_api(IntakeSettings(**shared, intake_sql_url=sql, referral_url="http://127.0.0.1:1")).inside
    headers = {"Authorization": f"Bearer {token('polyclinic', org='p1')}"}
    transport = httpx2.ASGITransport(intake)
    async with (
        intake.router.lifespan_context(intake),
        listening(capacity) as to_capacity,
        listening(intake) as to_intake,
        httpx2.AsyncClient(transport=transport, base_url="http://intake", headers=headers) as polyclinic,
    ):
        port = proxies.add("intake", urlsplit(to_intake).port or 0)
        urls = {"capacity_url": to_capacity, "intake_url": f"http://127.0.0.1:{port}"}
        ours = settings.model_copy(update={"kafka_servers": kafka, "topic_prefix": prefix} | urls)
        await create_topics(ours, CHECKOUT / "deploy" / "topics.toml")
        async with open_consumers(ours, go_on) as consumers:
            yield Scene(consumers, intake, polyclinic, proxies, topics.topic(prefix, topics.DIAGNOSES))


async def state(operator: httpx2.AsyncClient, receipt: dict[str, Any]) -> str:
    return str((await operator.get(f"/v1/referrals/{receipt['referral_id']}")).json()["state"])


async def dead_letters(operator: httpx2.AsyncClient) -> list[str]:
    return [one["reason"] for one in (await operator.get("/v1/dead-letters")).json()["items"]]


async def test_while_intake_is_away_a_withdrawal_waits_and_is_no_dead_letter(
    scene: Scene, operator: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = await scene.submit()
    await scene.polyclinic.post(f"/v1/children/{receipt['child_id']}/withdraw-consent")
    withdrawn = scene.message((await scene.published())[-1])
    before = await state(operator, receipt)
    scene.proxies.cut("intake")
    processing = asyncio.create_task(scene.consumers.process(topics.DIAGNOSES, [withdrawn]))
    said = ""

    def is_retried() -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return said.count("retrying") > 1

    await eventually(is_retried)
    assert (processing.done(), await state(operator, receipt), await dead_letters(operator)) == (False, before, [])
    scene.proxies.restore("intake")
    await processing
    assert (await state(operator, receipt), await dead_letters(operator)) == ("cancelled", [])


async def test_a_withdrawal_that_intake_has_not_published_is_a_dead_letter_and_the_rest_of_its_batch_goes_on(
    scene: Scene, operator: httpx2.AsyncClient
) -> None:
    first, second = await scene.submit(), child_body(2, settlement_id="home")
    await scene.polyclinic.post("/v1/diagnoses", json=second)
    true = read_event((await scene.published())[0])
    assert true
    by = {"child_id": first["child_id"], "actor": "polyclinic:p1"}
    data = ConsentWithdrawnV1(referral_id=first["referral_id"], withdrawn_at=utc_now(), **by)
    forged = [
        write_event(data, event_id=id, source="/joldama/intake", time=utc_now())
        for id in (str(uuid4()), true.envelope.id, "no uuid")
    ]
    batch = [scene.message(raw) for raw in (*forged[:2], (await scene.published())[-1], forged[2])]
    await scene.consumers.process(topics.DIAGNOSES, batch)
    reasons = await dead_letters(operator)
    assert len(reasons) == 2, "of the second the id had its effect: it is passed over"
    assert all("intake has published no such event" in one for one in reasons)
    assert await state(operator, first) != "cancelled"
    later = read_event((await scene.published())[-1])
    assert later
    assert (await operator.get(f"/v1/referrals/{later.envelope.subject}")).status_code == 200


@pytest.mark.parametrize("signed_by", [b"", bytes(32)], ids=["nobody", "a stranger"])
async def test_a_submission_that_intake_neither_signed_nor_published_is_a_dead_letter(
    scene: Scene, operator: httpx2.AsyncClient, signed_by: bytes
) -> None:
    await scene.polyclinic.post("/v1/diagnoses", json=child_body(settlement_id="home"))
    [true] = await scene.published()
    event = read_event(true)
    assert event
    assert isinstance(event.data, DiagnosisRecordedV1)
    invented = event.data.model_copy(update={"referral_id": uuid4(), "child_id": uuid4()})
    in_its_place = event.data.model_copy(update={"polyclinic_id": "thief"})
    forged = [
        write_event(data, event_id=str(data.referral_id), source=SOURCE, time=utc_now(), key=signed_by)
        for data in (invented, in_its_place)
    ]
    await scene.consumers.process(topics.DIAGNOSES, [scene.message(raw) for raw in forged])
    assert ["intake has published no such event" in one for one in await dead_letters(operator)] == [True, True]
    await scene.consumers.process(topics.DIAGNOSES, [scene.message(true)])
    found = (await operator.get("/v1/referrals")).json()["items"]
    assert [(one["id"], one["polyclinic_id"]) for one in found] == [(str(event.data.referral_id), "p1")]
