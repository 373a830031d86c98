"""Access to personal data, and its audit."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.contracts.vocabulary import ReferralState
from services.intake.bootstrap import Intake
from services.kit.messages import ENGLISH
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body


@pytest.fixture
async def receipt(polyclinic: httpx2.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()
    return found


async def audited(intake: Intake, *, refused: bool = False) -> list[tuple[str, str, str, str, tuple[str, ...]]]:
    """The reads that were granted, or refused: person, role, organization, act, and the referrals shown or hidden."""
    rows = await intake.audit_trail.entries(None, 0, 500)
    return [
        (
            one["person"], one["role"], one["org"], one["act"],
            tuple(json.loads(one["detail"] or "{}").get("referrals", [one["referral_id"]])),
        )
        for one in rows
        if bool(one["refused"]) is refused and not one["act"].startswith("submit")
    ]  # fmt: skip


async def test_the_submitting_polyclinic_reads_its_diagnosis_and_the_read_is_audited(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    answer = await polyclinic.get(f"/v1/diagnoses/{receipt['referral_id']}")
    assert answer.status_code == 200, answer.text
    del receipt["warnings"]
    assert answer.json() == child_body() | receipt | {
        "polyclinic_id": "p1", "max_distance_km": None, "changed_at": None, "consent": None,
        "consent_withdrawn_at": None,
    }  # fmt: skip
    assert await audited(intake) == [("polyclinic-1", "polyclinic", "p1", "read_diagnosis", (receipt["referral_id"],))]


async def test_a_child_is_read_by_its_id_and_by_its_iin(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    by_id = await polyclinic.get(f"/v1/children/{receipt['child_id']}")
    by_iin = await polyclinic.post("/v1/children/lookup", json={"iin": child_body()["child"]["iin"]})
    assert (by_id.status_code, by_id.json()) == (200, by_iin.json())
    assert by_id.json()["child"] == child_body()["child"]
    assert [one["referral_id"] for one in by_id.json()["referrals"]] == [receipt["referral_id"]]
    assert [row[3] for row in await audited(intake)] == ["read_child", "look_up_child"]


async def test_a_child_is_looked_up_by_an_iin_as_people_write_it(
    polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    iin = child_body()["child"]["iin"]
    for written in (f" {iin}\u00a0", f"{iin[:6]} {iin[6:]}", int(iin)):
        assert (await polyclinic.post("/v1/children/lookup", json={"iin": written})).status_code == 200


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (lambda iin: iin[:11] + str((int(iin[11]) + 1) % 10), "invalid_iin"),
        (lambda iin: iin[:11], "iin_not_twelve_digits"),
        (lambda iin: "2,0E+11", "scientific_notation"),
        (lambda iin: "a\x00", "iin_not_twelve_digits"),
    ],
)
async def test_a_mistyped_iin_is_refused_and_not_looked_up(
    polyclinic: httpx2.AsyncClient, typed: Callable[[str], str], code: str
) -> None:
    answer = await polyclinic.post("/v1/children/lookup", json={"iin": typed(child_body()["child"]["iin"])})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "iin")
    assert answer.json()["errors"][0]["code"] == code
    assert answer.json()["errors"][0]["message"] == ENGLISH[code]


async def test_another_s_diagnosis_looks_like_one_that_does_not_exist(
    client: Client, intake: Intake, receipt: dict[str, Any]
) -> None:
    missing_id = uuid4()
    for other in (client("polyclinic", "p2"), client("center", "c1"), client("center", "p1")):
        hidden = await other.get(f"/v1/diagnoses/{receipt['referral_id']}")
        missing = await other.get(f"/v1/diagnoses/{missing_id}")
        assert (hidden.status_code, hidden.content) == (404, missing.content)
        assert (await other.get(f"/v1/children/{receipt['child_id']}")).status_code == 404
        found = await other.post("/v1/children/lookup", json={"iin": child_body()["child"]["iin"]})
        assert found.status_code == 404
    assert [row[1:] for row in await audited(intake, refused=True) if row[4] != (str(missing_id),)] == [
        (role, org, read, (receipt["referral_id"],))
        for role, org in (("polyclinic", "p2"), ("center", "c1"), ("center", "p1"))
        for read in ("read_diagnosis", "read_child", "look_up_child")
    ]


async def test_without_the_referral_service_s_word_nobody_reads_and_nobody_learns_whether_there_is_a_child(
    referrals: ReferralsInMemory, client: Client, intake: Intake, receipt: dict[str, Any]
) -> None:
    referrals.set(receipt, ReferralState.OFFERED)
    referrals.away = True
    for who in (client("polyclinic", "p1"), client("center", "c1"), client("polyclinic", "p2")):
        for path in (f"/v1/diagnoses/{receipt['referral_id']}", f"/v1/children/{receipt['child_id']}"):
            answer, missing = await who.get(path), await who.get(f"{path.rpartition('/')[0]}/{uuid4()}")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert answer.content == missing.content
        assert (await who.post("/v1/children/lookup", json={"iin": child_body()["child"]["iin"]})).status_code == 503
    assert await audited(intake) == []


@pytest.mark.parametrize("role", ["operator", "admin", "referral-api"])
async def test_other_roles_read_no_personal_data(client: Client, receipt: dict[str, Any], role: str) -> None:
    for path in (f"/v1/diagnoses/{receipt['referral_id']}", f"/v1/children/{receipt['child_id']}"):
        answer = await client(role, "p1").get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_center_reads_while_it_holds_an_offer_and_not_after(
    referrals: ReferralsInMemory, client: Client, intake: Intake, receipt: dict[str, Any]
) -> None:
    center, path = client("center", "c1"), f"/v1/diagnoses/{receipt['referral_id']}"
    for state, status in (
        (ReferralState.OFFERED, 200),
        (ReferralState.ACCEPTED, 200),
        (ReferralState.ADMITTED, 200),
        (ReferralState.WAITING, 404),
        (ReferralState.OFFERED, 200),
        (ReferralState.COMPLETED, 404),
    ):
        referrals.set(receipt, state)
        assert (await center.get(path)).status_code == status, state


async def test_a_moved_referral_is_read_by_the_new_center_only(
    referrals: ReferralsInMemory, client: Client, intake: Intake, receipt: dict[str, Any]
) -> None:
    referrals.set(receipt, ReferralState.OFFERED, "c1")
    referrals.set(receipt, ReferralState.OFFERED, "c2")
    statuses = [
        (await client("center", center).get(f"/v1/children/{receipt['child_id']}")).status_code
        for center in ("c1", "c2")
    ]
    assert statuses == [404, 200]


async def offered_from_elsewhere(referrals: ReferralsInMemory, client: Client, center: str) -> dict[str, Any]:
    """Another polyclinic's child, offered to that center."""
    answer = await client("polyclinic", "p2").post("/v1/diagnoses", json=child_body(2))
    receipt: dict[str, Any] = answer.json()
    referrals.set(receipt, ReferralState.OFFERED, center)
    return receipt


async def test_a_hospital_reads_its_own_referral_and_one_offered_to_it_each_in_the_role_that_allows_it(
    referrals: ReferralsInMemory, client: Client, intake: Intake
) -> None:
    hospital = client("polyclinic+center", "h1")
    own = (await hospital.post("/v1/diagnoses", json=child_body(1))).json()
    offered = await offered_from_elsewhere(referrals, client, "h1")
    for receipt, number in ((own, 1), (offered, 2)):
        read = await hospital.get(f"/v1/diagnoses/{receipt['referral_id']}")
        assert (read.status_code, read.json()["child"]) == (200, child_body(number)["child"])
        assert (await hospital.get(f"/v1/children/{receipt['child_id']}")).status_code == 200
        lookup = {"iin": child_body(number)["child"]["iin"]}
        assert (await hospital.post("/v1/children/lookup", json=lookup)).status_code == 200
    found = [(row[1], row[2], row[3], row[4]) for row in await audited(intake)]
    assert found == [
        (role, "h1", action, (receipt["referral_id"],))
        for role, receipt in (("polyclinic", own), ("center", offered))
        for action in ("read_diagnosis", "read_child", "look_up_child")
    ]


async def test_a_child_with_referrals_of_both_roles_is_read_with_all_and_audited_with_both(
    referrals: ReferralsInMemory, client: Client, intake: Intake
) -> None:
    hospital, elsewhere = client("polyclinic+center", "h1"), client("polyclinic", "p2")
    own = (await hospital.post("/v1/diagnoses", json=child_body())).json()
    referrals.set(own, ReferralState.COMPLETED)
    offered = (await elsewhere.post("/v1/diagnoses", json=child_body())).json()
    referrals.set(offered, ReferralState.ACCEPTED, "h1")
    child = (await hospital.get(f"/v1/children/{own['child_id']}")).json()
    assert {one["referral_id"] for one in child["referrals"]} == {own["referral_id"], offered["referral_id"]}
    [(_, role, _, _, shown)] = await audited(intake)
    assert (role, set(shown)) == ("center+polyclinic", {own["referral_id"], offered["referral_id"]})


async def test_a_hospital_reads_its_own_referral_as_the_polyclinic_even_when_it_is_offered_to_itself(
    referrals: ReferralsInMemory, client: Client, intake: Intake
) -> None:
    hospital = client("polyclinic+center", "h1")
    own = (await hospital.post("/v1/diagnoses", json=child_body())).json()
    referrals.set(own, ReferralState.OFFERED, "h1")
    assert (await hospital.get(f"/v1/diagnoses/{own['referral_id']}")).status_code == 200
    assert [row[1] for row in await audited(intake)] == ["polyclinic"]


async def test_a_hospital_reads_no_other_s_referrals_and_each_single_role_only_its_own_part(
    referrals: ReferralsInMemory, client: Client, intake: Intake
) -> None:
    own = (await client("polyclinic", "h1").post("/v1/diagnoses", json=child_body(1))).json()
    offered = await offered_from_elsewhere(referrals, client, "h1")
    elsewhere = client("polyclinic+center", "h2")
    assert [await status_of(elsewhere, one) for one in (own, offered)] == [404, 404]
    assert [await status_of(client("polyclinic", "h1"), one) for one in (own, offered)] == [200, 404]
    assert [await status_of(client("center", "h1"), one) for one in (own, offered)] == [404, 200]
    operators = client("operator+center", "h1")
    assert [await status_of(operators, one) for one in (own, offered)] == [404, 200]
    assert [(row[1], row[2]) for row in await audited(intake)] == [
        ("polyclinic", "h1"), ("center", "h1"), ("center", "h1"),
    ]  # fmt: skip


async def status_of(who: httpx2.AsyncClient, receipt: dict[str, Any]) -> int:
    return (await who.get(f"/v1/diagnoses/{receipt['referral_id']}")).status_code


@pytest.mark.parametrize("state", [ReferralState.COMPLETED, ReferralState.CANCELLED])
async def test_a_closed_referral_lets_the_child_be_submitted_again_under_the_same_child_id(
    referrals: ReferralsInMemory,
    polyclinic: httpx2.AsyncClient,
    client: Client,
    intake: Intake,
    receipt: dict[str, Any],
    state: ReferralState,
) -> None:
    referrals.set(receipt, state)
    again = await client("polyclinic", "p2").post("/v1/diagnoses", json=child_body(guardian__phone="+77019999999"))
    assert again.status_code == 201
    assert again.json()["child_id"] == receipt["child_id"]
    assert again.json()["referral_id"] != receipt["referral_id"]
    first = (await polyclinic.get(f"/v1/children/{receipt['child_id']}")).json()
    assert first["guardian"]["phone"] == child_body()["guardian"]["phone"], "another polyclinic's submission is hidden"
    second = (await client("polyclinic", "p2").get(f"/v1/diagnoses/{again.json()['referral_id']}")).json()
    assert second["guardian"]["phone"] == "+77019999999"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET org = 'x'", "DELETE FROM audit_log",
        "INSERT INTO audit_log SELECT sequence + 5, at, person, role, org, act, refused, purpose, address, child_id, "
        "referral_id, detail, key, hash FROM audit_log WHERE sequence = 1",
    ],
)  # fmt: skip
async def test_the_audit_log_refuses_changes(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any], statement: str
) -> None:
    await polyclinic.get(f"/v1/diagnoses/{receipt['referral_id']}")
    with pytest.raises(DBAPIError, match="append-only"):
        await intake.database.write(lambda s: s.execute(text(statement)))
    assert len(await audited(intake)) == 1


async def test_a_refused_lookup_does_not_repeat_the_iin(polyclinic: httpx2.AsyncClient) -> None:
    answer = await polyclinic.post("/v1/children/lookup", json={"iin": "12345678901"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "iin")
    assert "12345678901" not in answer.text


async def test_a_polyclinic_gets_the_names_of_its_own_and_each_is_an_entry(
    polyclinic: httpx2.AsyncClient, client: Client, intake: Intake, receipt: dict[str, Any]
) -> None:
    other = client("polyclinic", "p2")
    theirs = (await other.post("/v1/diagnoses", json=child_body(7))).json()
    ids = [receipt["referral_id"], theirs["referral_id"], str(UUID(int=7))]
    answer = await polyclinic.post("/v1/diagnoses/names", json={"referral_ids": ids})
    assert answer.status_code == 200, answer.text
    name = child_body()["child"]["full_name"]
    assert answer.json() == {"items": [{"referral_id": ids[0], "full_name": name}]}, "its own, and no other"
    assert await audited(intake) == [("polyclinic-1", "polyclinic", "p1", "read_names", (ids[0],))]
    refused = ("polyclinic-1", "polyclinic", "p1", "read_names", (ids[1],))
    assert await audited(intake, refused=True) == [refused], "who asks for another's child is in the log with it"
    many = await polyclinic.post("/v1/diagnoses/names", json={"referral_ids": ids * 40})
    assert many.status_code == 422, "a page of a list is less"
    center = await client("center", "c1").post("/v1/diagnoses/names", json={"referral_ids": ids})
    assert center.status_code == 403, "a center reads a child on its page only"
