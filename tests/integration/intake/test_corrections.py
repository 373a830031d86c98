"""A polyclinic corrects what it submitted: what is read back, the audit, the event, and what is refused."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import select

from services.contracts.events import DiagnosisCorrectedV1, read_event
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Priority, ReferralState
from services.intake.adapters.sql_keys import KEY_COLUMNS
from services.intake.adapters.tables import child_keys, corrected_data, outbox
from services.intake.bootstrap import Intake
from services.intake.domain.keys import Purpose
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body, iin_of


@pytest.fixture
async def receipt(polyclinic: httpx2.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()
    return found


async def corrections(intake: Intake) -> list[DiagnosisCorrectedV1]:
    """The events of corrections in the outbox, in order."""
    query = select(outbox.rows.c.payload).order_by(outbox.rows.c.sequence)
    events = [read_event(raw) for raw in await intake.database.read(lambda s: s.execute(query).scalars().all())]
    return [one.data for one in events if one and isinstance(one.data, DiagnosisCorrectedV1)]


async def former(intake: Intake) -> list[list[DiagnosisSubmission]]:
    """The data before and after each correction, opened."""
    query = select(corrected_data, *KEY_COLUMNS).join(child_keys, child_keys.c.child_id == corrected_data.c.child_id)
    rows = await intake.database.read(lambda s: s.execute(query.order_by(corrected_data.c.sequence)).all())
    found = []
    for row in rows:
        key = intake.keys.vault.key_of(row.child_id, row.key_version, row.wrapped)
        plain = (key.open(Purpose.SUBMISSION, row.referral_id, one) for one in (row.sealed_before, row.sealed_after))
        found.append([DiagnosisSubmission.model_validate_json(one) for one in plain])
    return found


async def test_a_mistyped_phone_and_name_are_corrected_and_the_center_with_the_offer_reads_the_new_ones(
    referrals: ReferralsInMemory,
    client: Client,
    polyclinic: httpx2.AsyncClient,
    intake: Intake,
    receipt: dict[str, Any],
) -> None:
    referrals.set(receipt, ReferralState.OFFERED)
    patch = {"child": {"full_name": "Дұрыс Бала"}, "guardian": {"phone": "+77019999999"}}
    answer = await polyclinic.patch(f"/v1/children/{receipt['child_id']}", json=patch)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    assert answer.json()["child"] == child_body()["child"] | {"full_name": "Дұрыс Бала"}
    read = (await client("center", "c1").get(f"/v1/diagnoses/{receipt['referral_id']}")).json()
    assert (read["child"]["full_name"], read["guardian"]["phone"]) == ("Дұрыс Бала", "+77019999999")
    assert read["changed_at"] >= receipt["submitted_at"]
    [event] = await corrections(intake)
    assert (event.version, event.corrected) == (2, ("child.full_name", "guardian.phone"))
    assert (event.referral_id, event.actor) == (UUID(receipt["referral_id"]), "polyclinic:p1/polyclinic-1")


async def test_the_audit_has_who_corrected_and_the_data_before_and_after_sealed(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    await polyclinic.patch(f"/v1/children/{receipt['child_id']}", json={"guardian": {"phone": "+77019999999"}})
    *_, row = await intake.audit_trail.entries(receipt["child_id"], 0, 100)
    assert [row[one] for one in ("person", "role", "org", "act", "refused")] == [
        "polyclinic-1", "polyclinic", "p1", "correct_child", "",
    ]  # fmt: skip
    phones = [one.guardian.phone for pair in await former(intake) for one in pair]
    assert phones == [child_body()["guardian"]["phone"], "+77019999999"]


async def test_every_part_of_a_diagnosis_is_corrected_and_the_turn_is_that_of_the_submission(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    patch = {
        "diagnosis": {"icd10": "F84.0", "gmfcs": None}, "settlement_id": "astana", "modalities": ["home_care"],
        "max_distance_km": 100, "priority": "high",
    }  # fmt: skip
    answer = await polyclinic.patch(f"/v1/diagnoses/{receipt['referral_id']}", json=patch)
    assert answer.status_code == 200, answer.text
    expected = patch | {"diagnosis": {"icd10": "F84.0", "gmfcs": None}}
    assert {name: answer.json()[name] for name in patch} == expected
    [event] = await corrections(intake)
    assert (event.settlement_id, event.icd10, event.gmfcs, event.priority) == ("astana", "F84.0", None, Priority.HIGH)
    assert event.submitted_at.isoformat(timespec="milliseconds") == receipt["submitted_at"]
    outcome = {"corrected": sorted(["diagnosis.gmfcs", "diagnosis.icd10", *list(patch)[1:]]), "warnings": []}
    assert answer.json() == (await polyclinic.get(f"/v1/diagnoses/{receipt['referral_id']}")).json() | outcome


async def test_a_corrected_birth_date_gives_the_age_and_the_priority_of_the_day_of_submission(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    year = int(receipt["submitted_at"][:4]) - 1
    born = f"{year}-01-01"
    iin = iin_of(date(year, 1, 1), "female", 1)
    answer = await polyclinic.patch(
        f"/v1/children/{receipt['child_id']}", json={"child": {"birth_date": born, "iin": iin}}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["referrals"][0]["priority"] == "urgent"
    [event] = await corrections(intake)
    assert 11 <= event.age_months <= 23
    found = await polyclinic.post("/v1/children/lookup", json={"iin": iin})
    assert found.json()["child_id"] == receipt["child_id"]
    old = await polyclinic.post("/v1/children/lookup", json={"iin": child_body()["child"]["iin"]})
    assert old.status_code == 404
    again = await polyclinic.post("/v1/diagnoses", json=child_body(child__birth_date=born, child__iin=iin))
    assert (again.status_code, again.json()["referral_id"]) == (409, receipt["referral_id"])


async def test_what_changes_nothing_is_no_correction_but_a_read(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    answer = await polyclinic.patch(f"/v1/diagnoses/{receipt['referral_id']}", json={"settlement_id": "almaty"})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert (answer.json()["changed_at"], answer.json()["corrected"]) == (None, [])
    same = {"guardian": {"phone": child_body()["guardian"]["phone"]}}
    answer = await polyclinic.patch(f"/v1/children/{receipt['child_id']}", json=same)
    assert (answer.headers["etag"], answer.json()["corrected"]) == ('"1"', [])
    assert await corrections(intake) == []
    rows = await intake.audit_trail.entries(receipt["child_id"], 0, 100)
    assert [one["act"] for one in rows] == ["submit_diagnosis", "correct_diagnosis", "correct_child"]
    assert await former(intake) == []


async def test_a_correction_on_an_older_version_is_refused(
    polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    for path, patch in (
        (f"/v1/diagnoses/{receipt['referral_id']}", {"diagnosis": {"gmfcs": "IV"}}),
        (f"/v1/children/{receipt['child_id']}", {"guardian": {"phone": "+77019999999"}}),
    ):
        tag = {"If-Match": (await polyclinic.get(path)).headers["etag"]}
        assert (await polyclinic.patch(path, json=patch, headers=tag)).status_code == 200
        moved = await polyclinic.patch(path, json=patch, headers=tag)
        assert (moved.status_code, moved.json()["code"]) == (412, "version_moved")


async def test_only_its_polyclinic_corrects(
    referrals: ReferralsInMemory, client: Client, intake: Intake, receipt: dict[str, Any]
) -> None:
    referrals.set(receipt, ReferralState.OFFERED)
    paths = {
        f"/v1/diagnoses/{receipt['referral_id']}": {"settlement_id": "astana"},
        f"/v1/children/{receipt['child_id']}": {"guardian": {"phone": "+77019999999"}},
        f"/v1/diagnoses/{uuid4()}": {"settlement_id": "astana"},
    }
    for path, patch in paths.items():
        assert (await client("polyclinic", "p2").patch(path, json=patch)).status_code == 404
        assert (await client("center", "c1").patch(path, json=patch)).status_code == 403
        assert (await client("operator").patch(path, json=patch)).status_code == 403
    assert await corrections(intake) == []


@pytest.mark.parametrize(
    ("path", "patch", "errors"),
    [
        ("diagnoses", {"settlement_id": "nowhere"}, {"settlement_id": "unknown_settlement"}),
        ("diagnoses", {"diagnosis": {"gmfcs": "VI"}}, {"diagnosis.gmfcs": "enum"}),
        ("diagnoses", {"settlement_id": None}, {"settlement_id": "missing"}),
        ("diagnoses", {"guardian": {"phone": "1"}}, {"guardian": "other_path"}),
        ("children", {"settlement_id": "astana"}, {"settlement_id": "other_path"}),
        ("children", {"child": {"birth_date": "2999-01-01"}}, {"child.birth_date": "born_in_future"}),
        ("children", {"nickname": "x"}, {"nickname": "extra_forbidden"}),
        ("children", {}, {"body": "nothing_to_correct"}),
        ("children", [], {"body": "nothing_to_correct"}),
    ],
)
async def test_a_wrong_correction_is_refused_by_field_and_changes_nothing(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any], path: str, patch: Any, errors: Any
) -> None:
    key = receipt["child_id"] if path == "children" else receipt["referral_id"]
    answer = await polyclinic.patch(f"/v1/{path}/{key}", json=patch)
    assert answer.status_code == 422, answer.text
    found = {(one["field"], one["code"]) for one in answer.json()["errors"]}
    assert set(errors.items()) <= found
    assert await corrections(intake) == []


@pytest.mark.parametrize("depth", [300, 450, 900, 980, 5000])
async def test_a_correction_that_is_nested_deeply_is_refused(
    polyclinic: httpx2.AsyncClient, receipt: dict[str, Any], depth: int
) -> None:
    body = '{"child": {"full_name": ' + '{"x": ' * depth + "1" + "}" * depth + "}}"
    headers = {"Content-Type": "application/json"}
    answer = await polyclinic.patch(f"/v1/children/{receipt['child_id']}", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    [error] = answer.json()["errors"]
    assert (error["field"], error["code"]) in {("body", "json_invalid"), ("child.full_name.x.x.x", "json_too_deep")}


async def test_a_childs_iin_is_not_removed(polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]) -> None:
    answer = await polyclinic.patch(f"/v1/children/{receipt['child_id']}", json={"child": {"iin": None}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "child.iin")


async def test_the_iin_of_another_child_is_refused_and_names_it_to_whom_it_may(
    client: Client, polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    own = (await polyclinic.post("/v1/diagnoses", json=child_body(1))).json()
    await client("polyclinic", "p2").post("/v1/diagnoses", json=child_body(2))
    for number, named in ((1, own["child_id"]), (2, None)):
        patch = {"child": {"iin": child_body(number)["child"]["iin"]}}
        answer = await polyclinic.patch(f"/v1/children/{receipt['child_id']}", json=patch)
        assert (answer.status_code, answer.json()["code"], answer.json().get("child_id")) == (409, "iin_taken", named)


@pytest.mark.parametrize(
    ("path", "typed", "read"),
    [
        ("diagnoses", {"max_distance_km": "600,5"}, {"max_distance_km": 600.5}),
        ("diagnoses", {"max_distance_km": "1 000 km"}, {"max_distance_km": 1000}),
        ("diagnoses", {"max_distance_km": " "}, {"max_distance_km": None}),
        ("diagnoses", {"modalities": "Home care; outpatient"}, {"modalities": ["home_care", "outpatient"]}),
        ("diagnoses", {"priority": "High"}, {"priority": "high"}),
        ("diagnoses", {"diagnosis": {"gmfcs": "ІV"}}, {"diagnosis": {"icd10": "G80.1", "gmfcs": "IV"}}),
        ("children", {"guardian": {"phone": "8 (701) 999-99-99"}}, "+77019999999"),
    ],
)
async def test_values_are_read_as_at_submission(
    polyclinic: httpx2.AsyncClient, receipt: dict[str, Any], path: str, typed: Any, read: Any
) -> None:
    key = receipt["child_id"] if path == "children" else receipt["referral_id"]
    answer = await polyclinic.patch(f"/v1/{path}/{key}", json=typed)
    assert answer.status_code == 200, answer.text
    if path == "children":
        assert answer.json()["guardian"]["phone"] == read
    else:
        assert {name: answer.json()[name] for name in read} == read


@pytest.mark.parametrize(
    "value",
    [b"NaN", b"Infinity", b"-Infinity", b"1e999", b'"nan"', b'"inf"', b'"1.000"', b'"1e3"', b'"\\ud800"', b"\xff",
     b"1" * 5000, b'{"a":' * 900 + b"1" + b"}" * 900, b"[" * 900 + b"]" * 900],
)  # fmt: skip
async def test_what_is_no_number_is_refused(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any], value: bytes
) -> None:
    for path, name in (
        (f"/v1/diagnoses/{receipt['referral_id']}", b"max_distance_km"),
        (f"/v1/diagnoses/{receipt['referral_id']}", b"diagnosis"),
        (f"/v1/children/{receipt['child_id']}", b"child"),
    ):
        body = b'{"' + name + b'":' + value + b"}"
        answer = await polyclinic.patch(path, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), answer.text
    assert await corrections(intake) == []


async def test_a_correction_can_be_judged_only(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    path = f"/v1/diagnoses/{receipt['referral_id']}?check=true"
    answer = await polyclinic.patch(path, json={"max_distance_km": "50 km"})
    assert (answer.status_code, answer.headers["etag"], answer.json()["corrected"]) == (200, '"1"', [])
    refused = await polyclinic.patch(path, json={"max_distance_km": "1.000"})
    assert [one["code"] for one in refused.json()["errors"]] == ["ambiguous_number"]
    assert await corrections(intake) == []


async def test_a_correction_against_the_iin_is_warned_of_as_a_submission_is(
    polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    other = "male" if child_body()["child"]["sex"] == "female" else "female"
    patch = {"child": {"sex": other}}
    answer = await polyclinic.patch(f"/v1/children/{receipt['child_id']}", json=patch)
    assert answer.json()["corrected"] == ["child.sex"]
    assert [(one["field"], one["code"]) for one in answer.json()["warnings"]] == [("child.sex", "iin_sex_mismatch")]
