"""Events written to Kafka by a relay's own login: what would take a child from somebody, or open it, has no effect."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from services.contracts.events import (
    ChildrenJoinedV1,
    ConsentWithdrawnV1,
    DiagnosisCorrectedV1,
    DiagnosisRecordedV1,
    Payload,
    PlaceHandedOverV1,
    read_event,
    write_event,
)
from services.contracts.vocabulary import Modality
from services.kit.kafka.clients import make_producer
from tests.attack.test_servers import settings
from tests.support import record_queries
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

THIEF = "polyclinic-of-a-thief"
QUEUE = "center-of-a-queue"
VILLAGE: dict[str, Any] = {
    "settlement_id": "1524245", "region_id": "KZ-10", "latitude": 49.33009, "longitude": 81.57275,
}  # fmt: skip
"""No center of the country is within a kilometer of it."""


@pytest.fixture
async def operator(country: RunningNetwork) -> AsyncIterator[httpx2.AsyncClient]:
    headers = country.headers("operator")
    async with httpx2.AsyncClient(base_url=country.url("referral"), headers=headers, timeout=20) as client:
        yield client


async def forge(country: RunningNetwork, user: str, data: Payload, topic: str, source: str, id: str = "") -> str:
    """Write an event as that user of Kafka; its id."""
    id = id or str(uuid4())
    raw = write_event(data, event_id=id, source=source, time=datetime.now(UTC))
    async with make_producer(settings(country, user), "attack") as producer:
        await producer.send_and_wait(f"joldama.{topic}", raw, key=data.key.encode())
    return id


async def refused(operator: httpx2.AsyncClient, id: str, reason: str) -> None:
    """Until the event is a dead letter with that reason, to whose end nothing is retried."""

    async def found() -> bool:
        letters = (await operator.get("/v1/dead-letters", params={"limit": 500})).json()["items"]
        wanted = [one["id"] for one in letters if reason in one["reason"]]
        views = [(await operator.get(f"/v1/dead-letters/{one}")).json() for one in wanted]
        return any(one["event"]["id"] == id for one in views)

    await eventually(found, f"a dead letter: {reason}", within=30)


async def routed(operator: httpx2.AsyncClient, id: str) -> dict[str, Any]:
    async def find() -> Any:
        answer = await operator.get(f"/v1/referrals/{id}")
        return answer.json() if answer.status_code == 200 else None

    found: dict[str, Any] = await eventually(find, "the child is routed", within=30)
    return found


def submitted(country: RunningNetwork, id: str) -> DiagnosisRecordedV1:
    """The true event of a submission, as whoever reads the topic has it."""
    for (raw,) in record_queries.query(country.plan.intake_sql_url, "SELECT payload FROM outbox"):
        event = read_event(raw) if isinstance(raw, bytes) else None
        if event and isinstance(event.data, DiagnosisRecordedV1) and str(event.data.referral_id) == id:
            return event.data
    raise AssertionError(f"no event of {id}")


async def test_nobody_gets_or_ends_a_referral_by_a_forged_correction_join_or_withdrawal(
    country: RunningNetwork, operator: httpx2.AsyncClient
) -> None:
    one, two = await submit_all(country, submissions(2, seed=641))
    before = [await routed(operator, id) for id in (one, two)]
    data, other, at = submitted(country, one), submitted(country, two), datetime.now(UTC)
    moved = data.model_dump() | {"polyclinic_id": THIEF, "version": 2, "corrected": ("polyclinic_id",)}
    by = f"polyclinic:{THIEF}"
    of_one: dict[str, Any] = {
        "referral_id": data.referral_id,
        "child_id": data.child_id,
        "actor": f"polyclinic:{THIEF}",
    }
    forged: list[Payload] = [
        DiagnosisCorrectedV1(**moved, corrected_at=at, actor=by),
        ChildrenJoinedV1(
            **of_one, ended_referral_id=other.referral_id, joined_child_id=other.child_id, joined_at=at
        ),
        ConsentWithdrawnV1(**of_one, withdrawn_at=at),
    ]  # fmt: skip
    for event in forged:
        id = await forge(country, "intake-relay", event, "diagnoses.v1", "/joldama/intake")
        await refused(operator, id, "intake has published no such event")
    kept = ("state", "version", "polyclinic_id", "child_id", "center_id")
    after = [await routed(operator, id) for id in (one, two)]
    assert [[story.get(name) for name in kept] for story in after] == [
        [story.get(name) for name in kept] for story in before
    ]
    async with httpx2.AsyncClient(base_url=country.url("referral"), timeout=20) as http:
        story = f"/v1/referrals/{one}"
        assert (await http.get(story, headers=country.headers("polyclinic", THIEF))).status_code == 404
        assert (await http.get(story, headers=country.headers("polyclinic", POLYCLINIC))).status_code == 200


async def test_an_invented_child_takes_no_place(country: RunningNetwork, operator: httpx2.AsyncClient) -> None:
    [one] = await submit_all(country, submissions(1, seed=643))
    await routed(operator, one)
    invented = submitted(country, one).model_copy(update={"referral_id": uuid4(), "child_id": uuid4()})
    id = str(invented.referral_id)
    await forge(country, "intake-relay", invented, "diagnoses.v1", "/joldama/intake", id)
    await refused(operator, id, "intake has published no such event")
    assert (await operator.get(f"/v1/referrals/{id}")).status_code == 404
    assert id not in record_queries.referrals(country), "nor is there one that nobody sees"


async def open_a_queue(country: RunningNetwork, operator: httpx2.AsyncClient) -> str:
    """A referral that waits for the one place of the village."""
    programme = {
        "id": QUEUE, "modality": "inpatient", "age_from_months": 0, "age_under_months": 216, "icd10_prefixes": ["G80"],
        "catchment": "nation", "course_days": 21,
    }  # fmt: skip
    names = {f"name_{language}": "Center" for language in ("kk", "ru", "en")}
    center = f"/v1/centers/{QUEUE}"
    body = {**names, **VILLAGE, "programmes": [programme]}
    (await operator.put(center, json=body, headers={"If-None-Match": "*"})).raise_for_status()
    (await operator.put(f"{center}/programmes/{QUEUE}/places", json={"places": 1})).raise_for_status()
    nearby = {"settlement_id": VILLAGE["settlement_id"], "modalities": ["inpatient"], "max_distance_km": 1}
    nearby |= {"diagnosis": {"icd10": "G80.1"}}
    for body in submissions(2, seed=642):
        [id] = await submit_all(country, [body | nearby])

        async def placed(id: str = id) -> bool:
            return (await routed(operator, id))["state"] in ("offered", "waiting")

        await eventually(placed, "the child is offered or waits", within=30)
    return id


async def test_no_center_gets_a_child_by_a_forged_hand_over(
    country: RunningNetwork, operator: httpx2.AsyncClient
) -> None:
    id = await open_a_queue(country, operator)
    before = await routed(operator, id)
    assert before["state"] == "waiting"
    sql = "SELECT id, center_id FROM programmes WHERE modality = 'inpatient' AND age_under_months = 216"
    programme, thief = next(
        (str(one), str(center))
        for one, center in record_queries.query(country.plan.referral_sql_url, sql)
        if center != QUEUE
    )
    rows = record_queries.query(country.plan.referral_sql_url, "SELECT epoch, sequence FROM capacity_version")
    epoch, sequence = rows[0]
    handed_over = PlaceHandedOverV1(
        programme_id=programme, center_id=thief, region_id="KZ-71", modality=Modality.INPATIENT, places=1, held=1,
        occupied=0, waiting=0, referral_id=UUID(id), attempt=before["attempt"], epoch=str(epoch),
        sequence=int(str(sequence)),
    )  # fmt: skip
    event = await forge(country, "capacity-relay", handed_over, "handovers.v1", "/joldama/capacity")
    await refused(operator, event, f"capacity has not handed a place of {programme} to this referral")
    after = await routed(operator, id)
    assert (after["state"], after["version"]) == ("waiting", before["version"])
    async with httpx2.AsyncClient(base_url=country.url("intake"), timeout=20) as http:
        read = await http.get(f"/v1/diagnoses/{id}", headers=country.headers("center", thief))
        assert read.status_code == 404
