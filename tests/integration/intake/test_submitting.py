"""POST /v1/diagnoses on a real database."""

import asyncio
import gzip
from datetime import UTC, date, datetime
from uuid import UUID

import httpx2
import orjson
import pytest
from sqlalchemy import func, select

from services.contracts.days import day_of
from services.contracts.events import DiagnosisRecordedV1, read_event
from services.contracts.vocabulary import ReferralState
from services.intake.adapters.tables import Child, Diagnosis, answered, outbox
from services.intake.bootstrap import Intake
from services.intake.entrypoints.bodies import LARGEST_SUBMISSION
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body


async def count(intake: Intake, table: type[Child | Diagnosis]) -> int:
    return await intake.database.read(lambda s: s.execute(select(func.count()).select_from(table)).scalar_one())


async def events(intake: Intake) -> list[bytes]:
    rows = outbox.rows
    return await intake.database.read(
        lambda s: list(s.execute(select(rows.c.payload).order_by(rows.c.sequence)).scalars())
    )


async def test_a_submission_is_recorded_with_its_event(polyclinic: httpx2.AsyncClient, intake: Intake) -> None:
    answer = await polyclinic.post("/v1/diagnoses", json=child_body())
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert answer.headers["Location"] == f"/v1/diagnoses/{receipt['referral_id']}"
    event = read_event((await events(intake))[0], bytes(range(32)))
    assert event is not None
    assert event.signed, "with JOLDAMA_EVENT_KEY"
    assert isinstance(event.data, DiagnosisRecordedV1)
    assert event.data.referral_id == UUID(receipt["referral_id"])
    assert event.data.child_id == UUID(receipt["child_id"])
    assert event.data.polyclinic_id == "p1"
    assert event.data.submitted_by == "polyclinic:p1/polyclinic-1", "who may ask for what is theirs"
    assert event.data.birth_day == date.fromisoformat(child_body()["child"]["birth_date"]).day
    assert event.data.submitted_at.isoformat(timespec="milliseconds") == receipt["submitted_at"]


async def refusals(intake: Intake) -> list[tuple[object, ...]]:
    """Who was refused because of which referral."""
    rows = await intake.audit_trail.entries(None, 0, 500)
    columns = ("person", "role", "org", "referral_id")
    return [tuple(row[one] for one in columns) for row in rows if row["refused"] == "open_referral"]


async def test_without_a_conflict_nobody_is_asked_and_with_one_nothing_is_lost_while_nobody_answers(
    referrals: ReferralsInMemory, polyclinic: httpx2.AsyncClient, client: Client, intake: Intake
) -> None:
    referrals.away = True
    first = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()
    assert referrals.asked == []
    for who in (polyclinic, client("polyclinic", "p2")):
        answer = await who.post("/v1/diagnoses", json=child_body())
        assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert await refusals(intake) == []
    referrals.away = False
    referrals.set(first, ReferralState.COMPLETED)
    assert (await client("polyclinic", "p2").post("/v1/diagnoses", json=child_body())).status_code == 201


async def test_a_second_open_referral_is_refused_and_names_the_first_to_its_own_polyclinic_only(
    polyclinic: httpx2.AsyncClient, client: Client, intake: Intake
) -> None:
    first = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()
    again = await client("polyclinic", "p2").post("/v1/diagnoses", json=child_body())
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    assert again.json()["code"] == "open_referral_exists"
    assert not {"referral_id", "child_id"} & again.json().keys()
    assert first["referral_id"] not in again.text
    own = await polyclinic.post("/v1/diagnoses", json=child_body())
    assert (own.status_code, own.json()["referral_id"]) == (409, first["referral_id"])
    assert await refusals(intake) == [("polyclinic-1", "polyclinic", org, first["referral_id"]) for org in ("p2", "p1")]
    assert (await count(intake, Diagnosis), len(await events(intake))) == (1, 1)


async def test_no_row_has_readable_personal_data(polyclinic: httpx2.AsyncClient, intake: Intake) -> None:
    body = child_body()
    await polyclinic.post("/v1/diagnoses", json=body, headers={"Idempotency-Key": body["child"]["iin"]})
    tables = Child.metadata.tables.values()
    rows = await intake.database.read(lambda s: [tuple(row) for t in tables for row in s.execute(select(t))])
    written = repr(rows) + "".join(v.decode("utf-8", "replace") for row in rows for v in row if isinstance(v, bytes))
    assert str(body["settlement_id"]) in written
    for secret in (body["child"]["iin"], body["child"]["full_name"], *body["guardian"].values()):
        assert secret not in written


async def test_every_wrong_field_is_named_at_once(polyclinic: httpx2.AsyncClient, intake: Intake) -> None:
    body = child_body(
        guardian__phone="8701", settlement_id="atlantis", diagnosis__icd10="Z99.99", child__birth_date=1592179200
    )
    answer = await polyclinic.post("/v1/diagnoses", json=body)
    assert answer.status_code == 422
    assert {(e["field"], e["code"]) for e in answer.json()["errors"]} == {
        ("guardian.phone", "invalid_phone"),
        ("settlement_id", "unknown_settlement"),
        ("diagnosis.icd10", "unknown_icd10"),
        ("child.birth_date", "date_form"),
    }
    assert body["child"]["iin"] not in answer.text
    assert await count(intake, Diagnosis) == 0


async def test_an_iin_that_says_another_sex_is_taken_with_a_warning_and_refused_only_when_strict(
    polyclinic: httpx2.AsyncClient,
) -> None:
    body, key = child_body(child__sex="male"), {"Idempotency-Key": "k"}
    strict = await polyclinic.post("/v1/diagnoses", json=body | {"strict": True})
    assert [(one["field"], one["code"]) for one in strict.json()["errors"]] == [("child.sex", "iin_sex_mismatch")]
    first, again = [await polyclinic.post("/v1/diagnoses", json=body, headers=key) for _ in range(2)]
    assert (first.status_code, first.content) == (201, again.content)
    assert first.json()["warnings"] == strict.json()["errors"]
    read = (await polyclinic.get(first.headers["Location"])).json()
    assert (read["child"]["sex"], "strict" in read) == ("male", False)


async def test_what_was_typed_is_read_back_as_it_was_meant(polyclinic: httpx2.AsyncClient) -> None:
    body = child_body()
    typed = child_body(
        child__iin=f" {body['child']['iin']}\u00a0",
        child__birth_date="01.01.2015",
        child__sex="Ж",
        guardian__phone="8 701 000 00 00",
        diagnosis__icd10="g80,1",
        diagnosis__gmfcs="ІІІ",
        modalities="Inpatient; day stay",
        max_distance_km="600,5 км",
    )
    content = b"\xef\xbb\xbf" + orjson.dumps(typed)
    answer = await polyclinic.post("/v1/diagnoses", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["warnings"]) == (201, []), answer.text
    read = (await polyclinic.get(answer.headers["Location"])).json()
    assert {name: read[name] for name in body} == body
    assert read["max_distance_km"] == 600.5


@pytest.mark.parametrize("path", ["/v1/diagnoses", "/v1/diagnoses/bulk", "/v1/children/lookup"])
async def test_a_compressed_body_is_refused(polyclinic: httpx2.AsyncClient, path: str) -> None:
    kind = "application/x-ndjson" if path.endswith("bulk") else "application/json"
    headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
    answer = await polyclinic.post(path, content=gzip.compress(orjson.dumps(child_body())), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")


@pytest.mark.parametrize("role", ["center", "operator", "admin", "referral-api"])
async def test_only_a_polyclinic_submits(client: Client, role: str) -> None:
    answer = await client(role, "p1").post("/v1/diagnoses", json=child_body())
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_repeat_with_the_same_key_gets_the_first_answer(polyclinic: httpx2.AsyncClient, intake: Intake) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await polyclinic.post("/v1/diagnoses", json=child_body(), headers=headers)
    pretty = orjson.dumps(child_body(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    again = await polyclinic.post(
        "/v1/diagnoses", content=pretty, headers=headers | {"Content-Type": "application/json"}
    )
    assert (again.status_code, again.content) == (201, first.content)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await count(intake, Diagnosis) == 1


async def test_a_refusal_is_judged_anew_when_its_cause_has_gone(
    referrals: ReferralsInMemory, polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    headers = {"Idempotency-Key": "k2"}
    first = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()["referral_id"]
    for _ in range(2):
        refused = await polyclinic.post("/v1/diagnoses", json=child_body(), headers=headers)
        assert (refused.status_code, refused.json()["referral_id"]) == (409, first)
        assert "Idempotency-Replayed" not in refused.headers
    referrals.set({"referral_id": first}, ReferralState.CANCELLED)
    taken = await polyclinic.post("/v1/diagnoses", json=child_body(), headers=headers)
    assert (taken.status_code, "Idempotency-Replayed" in taken.headers) == (201, False)
    again = await polyclinic.post("/v1/diagnoses", json=child_body(), headers=headers)
    assert (again.status_code, again.headers["Idempotency-Replayed"], again.json()) == (201, "true", taken.json())


async def test_a_refusal_that_an_earlier_release_stored_is_judged_anew(
    referrals: ReferralsInMemory, polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    headers = {"Idempotency-Key": "k2"}
    first = await polyclinic.post("/v1/diagnoses", json=child_body(), headers=headers)
    await intake.database.write(lambda session: session.execute(answered.update().values(status=409)))
    refused = await polyclinic.post("/v1/diagnoses", json=child_body(), headers=headers)
    assert (refused.status_code, "Idempotency-Replayed" in refused.headers) == (409, False)
    referrals.set(first.json(), ReferralState.CANCELLED)
    bodies = [child_body(), child_body(), child_body(1)]
    statuses = [(await polyclinic.post("/v1/diagnoses", json=one, headers=headers)).status_code for one in bodies]
    assert statuses == [201, 201, 422], "the key is bound to what was done"


async def test_a_key_of_a_refused_body_is_free_for_another(polyclinic: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k2"}
    await polyclinic.post("/v1/diagnoses", json=child_body())
    assert (await polyclinic.post("/v1/diagnoses", json=child_body(), headers=headers)).status_code == 409
    assert (await polyclinic.post("/v1/diagnoses", json=child_body(1), headers=headers)).status_code == 201


async def test_a_key_with_another_body_is_refused(polyclinic: httpx2.AsyncClient, intake: Intake) -> None:
    headers = {"Idempotency-Key": "k1"}
    await polyclinic.post("/v1/diagnoses", json=child_body(1), headers=headers)
    for other in (child_body(2), child_body(1, settlement_id="nowhere")):
        answer = await polyclinic.post("/v1/diagnoses", json=other, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await count(intake, Diagnosis) == 1


async def test_polyclinics_do_not_share_keys(polyclinic: httpx2.AsyncClient, client: Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    answers = [
        await one.post("/v1/diagnoses", json=child_body(n), headers=headers)
        for n, one in enumerate((polyclinic, client("polyclinic", "p2")))
    ]
    assert [a.status_code for a in answers] == [201, 201]


async def test_of_twenty_concurrent_submissions_of_one_child_exactly_one_succeeds(
    client: Client, intake: Intake
) -> None:
    answers = await asyncio.gather(
        *(client("polyclinic", f"p{n}").post("/v1/diagnoses", json=child_body()) for n in range(20))
    )
    taken = [a.json()["referral_id"] for a in answers if a.status_code == 201]
    assert len(taken) == 1
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"open_referral_exists"}
    assert (await count(intake, Diagnosis), await count(intake, Child), len(await events(intake))) == (1, 1, 1)


async def test_twenty_concurrent_requests_with_one_key_get_one_answer(
    polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    body = child_body(child__iin=None)
    body["child"]["birth_date"] = day_of(datetime.now(UTC)).isoformat()
    answers = await asyncio.gather(
        *(polyclinic.post("/v1/diagnoses", json=body, headers={"Idempotency-Key": "one"}) for _ in range(20))
    )
    assert {(a.status_code, a.content) for a in answers} == {(201, answers[0].content)}
    assert sum("Idempotency-Replayed" in a.headers for a in answers) == 19
    assert await count(intake, Diagnosis) == 1


async def test_a_body_of_another_media_type_is_refused(polyclinic: httpx2.AsyncClient, intake: Intake) -> None:
    content = orjson.dumps(child_body())
    answer = await polyclinic.post("/v1/diagnoses", content=content, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert await count(intake, Diagnosis) == 0


async def test_a_body_larger_than_a_submission_can_be_is_refused(
    polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    padded = orjson.dumps(child_body())
    largest, larger = padded.ljust(LARGEST_SUBMISSION), padded.ljust(LARGEST_SUBMISSION + 1)
    headers = {"Content-Type": "application/json"}
    answer = await polyclinic.post("/v1/diagnoses", content=larger, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert await count(intake, Diagnosis) == 0
    assert (await polyclinic.post("/v1/diagnoses", content=largest, headers=headers)).status_code == 201


async def test_a_check_says_what_would_be_recorded_and_records_nothing(
    polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    body = child_body()
    typed = body | {"guardian": body["guardian"] | {"phone": "8 701 123 45 67"}, "max_distance_km": "600,5 км"}
    answer = await polyclinic.post("/v1/diagnoses?check=true", json=typed)
    assert answer.status_code == 200, answer.text
    checked = answer.json()
    assert checked["submission"]["guardian"]["phone"] == "+77011234567", "the phone is in its normal form"
    assert checked["submission"]["max_distance_km"] == 600.5, "the distance is a number"
    assert (checked["priority"], checked["warnings"]) == ("routine", [])
    assert await count(intake, Diagnosis) == 0, "nothing is recorded"


async def test_a_check_names_the_errors_of_each_field(polyclinic: httpx2.AsyncClient) -> None:
    body = child_body() | {"settlement_id": "nowhere", "modalities": []}
    answer = await polyclinic.post("/v1/diagnoses?check=true", json=body)
    found = {(one["field"], one["code"]) for one in answer.json()["errors"]}
    assert answer.status_code == 422, answer.text
    assert found == {("settlement_id", "unknown_settlement"), ("modalities", "too_short")}
