"""A family's look at its referral, without a token: by the code on the paper and the birth date."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from services.contracts.family import FamilyCenter, FamilyOutlook, FamilyQueue
from services.contracts.vocabulary import Modality, ReferralState
from services.intake.bootstrap import Intake
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from services.kit.settings import DEFAULT_LIMITS
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.integration.intake.key_rings import Api, new_key
from tests.unit.intake.samples import child_body

CENTER = FamilyCenter(id="c1", name_kk="К", name_ru="Р", name_en="E", settlement_id="almaty")


@pytest.fixture
async def anybody(api: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(api), base_url="http://intake") as found:
        yield found


@pytest.fixture
async def limited(settings: IntakeSettings, referrals: ReferralsInMemory) -> AsyncIterator[httpx2.AsyncClient]:
    """Anybody at an intake with the limits that it has when nothing is set."""
    limits = {"family": DEFAULT_LIMITS["family"]}
    app = create_api(IntakeSettings(**settings.model_dump() | {"limits": limits}), referrals).inside
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://intake") as found,
    ):
        yield found


async def submitted(polyclinic: httpx2.AsyncClient, number: int = 0) -> tuple[dict[str, Any], dict[str, str]]:
    """The receipt of a child, and what its family knows."""
    body = child_body(number)
    receipt = (await polyclinic.post("/v1/diagnoses", json=body)).raise_for_status().json()
    answer = await polyclinic.get(f"/v1/diagnoses/{receipt['referral_id']}/family-code")
    code = answer.raise_for_status().json()["code"]
    return receipt, {"code": code, "birth_date": body["child"]["birth_date"]}


async def test_a_family_is_told_its_place_in_the_queue_and_nothing_of_its_child(
    polyclinic: httpx2.AsyncClient, anybody: httpx2.AsyncClient, referrals: ReferralsInMemory
) -> None:
    receipt, known = await submitted(polyclinic)
    queue = FamilyQueue(
        center=CENTER, modality=Modality.DAY_STAY, position=3, length=9, places=20, course_days=21, estimated_on=None
    )
    outlook = FamilyOutlook(state=ReferralState.WAITING, queues=(queue,), answer_days=3, admit_days=7)
    referrals.outlooks[UUID(receipt["referral_id"])] = outlook
    answer = await anybody.post("/v1/family", json=known)
    assert answer.status_code == 200, answer.text
    assert answer.json() == outlook.model_dump(mode="json") | {"polyclinic_id": "p1"}
    assert answer.headers["cache-control"] == "no-store", "the answer stays in no cache"


async def test_a_referral_that_is_not_routed_yet_is_submitted(
    polyclinic: httpx2.AsyncClient, anybody: httpx2.AsyncClient
) -> None:
    _, known = await submitted(polyclinic)
    assert (await anybody.post("/v1/family", json=known)).json()["state"] == "submitted"


async def test_a_wrong_code_and_a_wrong_birth_date_are_answered_alike(
    polyclinic: httpx2.AsyncClient, anybody: httpx2.AsyncClient
) -> None:
    _, known = await submitted(polyclinic)
    _, other = await submitted(polyclinic, 1)
    code = known["code"]
    wrongs = [
        known | {"birth_date": "2001-02-03"},
        known | {"code": code[:-1] + ("0" if code[-1] != "0" else "1")},
        known | {"code": "0" * 20},
        known | {"code": "no code"},
        known | {"code": other["code"], "birth_date": "2001-02-03"},
    ]
    answers = [await anybody.post("/v1/family", json=one) for one in wrongs]
    assert {(one.status_code, one.text) for one in answers} == {(404, answers[0].text)}
    headers = [{name: one.headers[name] for name in one.headers if name != "date"} for one in answers]
    assert all(one == headers[0] for one in headers), "the headers are the same too"


async def test_nothing_is_told_of_an_erased_child_and_after_the_consent_was_withdrawn(
    polyclinic: httpx2.AsyncClient, anybody: httpx2.AsyncClient, referrals: ReferralsInMemory
) -> None:
    erased, known = await submitted(polyclinic)
    referrals.set(erased, ReferralState.COMPLETED)
    await polyclinic.post(f"/v1/children/{erased['child_id']}/erase")
    withdrawn, second = await submitted(polyclinic, 1)
    await polyclinic.post(f"/v1/children/{withdrawn['child_id']}/withdraw-consent")
    unknown = await anybody.post("/v1/family", json=second | {"code": "0" * 20})
    for one in (known, second):
        answer = await anybody.post("/v1/family", json=one)
        assert (answer.status_code, answer.text) == (404, unknown.text)
    for one in (erased, withdrawn):
        path = f"/v1/diagnoses/{one['referral_id']}/family-code"
        assert (await polyclinic.get(path)).status_code == 404, "it gets no code either"


async def test_only_the_referrals_polyclinic_is_told_the_code(
    polyclinic: httpx2.AsyncClient, client: Client, referrals: ReferralsInMemory
) -> None:
    receipt, _ = await submitted(polyclinic)
    referrals.set(receipt, ReferralState.OFFERED, "c1")
    path = f"/v1/diagnoses/{receipt['referral_id']}/family-code"
    for role, org, status in (
        ("polyclinic", "p2", 404),
        ("center", "c1", 403),
        ("polyclinic+center", "c1", 404),
        ("operator", "", 403),
    ):
        assert (await client(role, org).get(path)).status_code == status, role


async def test_looks_and_refused_looks_are_in_the_audit_log(
    polyclinic: httpx2.AsyncClient, anybody: httpx2.AsyncClient, intake: Intake
) -> None:
    receipt, known = await submitted(polyclinic)
    await anybody.post("/v1/family", json=known)
    await anybody.post("/v1/family", json=known | {"birth_date": "2001-02-03"})
    await anybody.post("/v1/family", json=known | {"code": "0" * 20})
    rows = [one for one in await intake.audit_trail.entries(None, 0, 100) if one["act"] == "tell_family"]
    id = receipt["referral_id"]
    assert [(one["refused"], one["referral_id"]) for one in rows] == [("", id), ("not_found", id), ("not_found", None)]
    assert {(one["person"], one["purpose"]) for one in rows} == {("", "family_request")}
    assert {one["address"] for one in rows} == {"127.0.0.1"}
    assert known["code"][-5:] not in str(rows), "the code is in no entry"


async def test_looks_by_one_code_are_counted_from_wherever_they_come_and_whether_it_is_right_or_not(
    polyclinic: httpx2.AsyncClient, limited: httpx2.AsyncClient
) -> None:
    _, known = await submitted(polyclinic)
    for code in (known["code"], "0" * 20):
        guesses = [{"code": code, "birth_date": f"2001-02-{day:02}"} for day in range(1, 24)]
        statuses = [(await limited.post("/v1/family", json=one)).status_code for one in guesses]
        assert statuses == [404] * 20 + [429] * 3, code
    spaced = known | {"code": known["code"].lower().replace("-", " ")}
    assert (await limited.post("/v1/family", json=spaced)).status_code == 429, "written otherwise it is the same"


async def test_looks_of_one_address_are_counted(limited: httpx2.AsyncClient) -> None:
    statuses = [
        (await limited.post("/v1/family", json={"code": f"{number:020}", "birth_date": "2020-01-01"})).status_code
        for number in range(123)
    ]
    assert statuses == [404] * 120 + [429] * 3


async def test_while_the_referral_service_is_away_nothing_is_told(
    polyclinic: httpx2.AsyncClient, anybody: httpx2.AsyncClient, referrals: ReferralsInMemory
) -> None:
    _, known = await submitted(polyclinic)
    referrals.away = True
    assert (await anybody.post("/v1/family", json=known)).status_code == 503
    assert (await anybody.post("/v1/family", json=known | {"birth_date": "2001-02-03"})).status_code == 404


async def test_a_code_holds_after_the_index_key_was_changed(served: Api, keys: dict[str, str]) -> None:
    second = f"2:{new_key()}"
    both = keys | {"intake_index_keys": f"{second},{keys['intake_index_keys']}"}
    async with served(**keys) as before:
        _, known = await submitted(before)
    async with served(**both) as during:
        assert (await during.post("/v1/family", json=known)).status_code == 200
