"""The access report: all that is held of a child, and who looked; whole or none."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from services.contracts.vocabulary import ReferralState
from services.intake.bootstrap import Intake
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.integration.intake.test_consent import with_consent
from tests.unit.intake.samples import child_body, newborn

NOTE = "Айша has the flu"


@pytest.fixture
async def receipt(client: Client, polyclinic: httpx2.AsyncClient, referrals: ReferralsInMemory) -> dict[str, Any]:
    """A child that was corrected, noted of by center c1, looked at by a stranger, and whose consent was withdrawn."""
    found: dict[str, Any] = (await polyclinic.post("/v1/diagnoses", json=with_consent())).json()
    referrals.set(found, ReferralState.OFFERED, "c1")
    patch = {"guardian": {"phone": "+77019999999"}}
    assert (await polyclinic.patch(f"/v1/children/{found['child_id']}", json=patch)).status_code == 200
    notes = f"/v1/diagnoses/{found['referral_id']}/notes"
    assert (await client("center", "c1").post(notes, json={"text": NOTE})).status_code == 201
    assert (await client("polyclinic", "p2").get(f"/v1/children/{found['child_id']}")).status_code == 404
    child = child_body()["child"]
    asked = {name: child[name] for name in ("iin", "full_name", "birth_date")}
    assert (await client("polyclinic", "p2").post("/v1/transfers", json=asked)).status_code == 202
    assert (await polyclinic.post(f"/v1/children/{found['child_id']}/withdraw-consent")).status_code == 200
    return found


def path(receipt: dict[str, Any]) -> str:
    return f"/v1/children/{receipt['child_id']}/report"


async def test_it_has_all_that_is_held_and_who_looked(polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]) -> None:
    report = (await polyclinic.get(path(receipt))).json()
    [referral], [correction], [note] = report["referrals"], report["corrections"], report["notes"]
    assert (referral["referral_id"], referral["child"]["full_name"]) == (
        receipt["referral_id"],
        child_body()["child"]["full_name"],
    )
    assert referral["consent"]["text_version"] == "2026-1"
    assert referral["consent_withdrawn_at"]
    before, after = correction["before"]["guardian"]["phone"], correction["after"]["guardian"]["phone"]
    assert (before, after) == (child_body()["guardian"]["phone"], "+77019999999")
    assert (note["text"], note["author"], note["referral_id"]) == (NOTE, "center:c1", receipt["referral_id"])
    [transfer] = report["transfers"]
    assert (transfer["holder"], transfer["to_polyclinic"], transfer["state"]) == ("p1", "p2", "asked")
    assert [(one["act"], one["org"], one["refused"]) for one in report["audit_log"]] == [
        ("submit_diagnosis", "p1", None), ("correct_child", "p1", None), ("write_note", "c1", None),
        ("read_child", "p2", "not_found"), ("ask_for_transfer", "p2", None), ("withdraw_consent", "p1", None),
    ]  # fmt: skip
    assert report["audit_log_complete"]


async def test_a_polyclinic_sees_persons_of_its_own_only_and_an_administrator_all(
    client: Client, polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    seen = {one["org"]: one for one in (await polyclinic.get(path(receipt))).json()["audit_log"]}
    assert (seen["p1"]["person"], seen["c1"]["person"], seen["c1"]["address"]) == ("polyclinic-1", "", "")
    report = (await client("admin").get(path(receipt))).json()
    seen = {one["org"]: one for one in report["audit_log"]}
    assert (seen["c1"]["person"], report["notes"][0]["author"]) == ("center-1", "center:c1/center-1")


async def test_it_is_an_act_of_its_own_for_the_family(
    polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    await polyclinic.get(path(receipt))
    entry = (await intake.audit_trail.entries(receipt["child_id"], 0, 100))[-1]
    assert (entry["act"], entry["purpose"], entry["role"]) == ("read_report", "family_request", "polyclinic")


async def test_nobody_else_has_one(
    client: Client, polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    for role, org, status in (
        ("polyclinic", "p2", 404), ("center", "c1", 403), ("operator", "", 403), ("polyclinic", "", 403),
    ):  # fmt: skip
        assert (await client(role, org).get(path(receipt))).status_code == status, role
    assert (await client("admin").get(f"/v1/children/{uuid4()}/report")).status_code == 404
    refused = [row for row in await intake.audit_trail.entries(receipt["child_id"], 0, 100) if row["refused"]]
    assert [(row["act"], row["org"]) for row in refused[-4:]] == [
        ("read_report", "p2"), ("read_report", "c1"), ("read_report", ""), ("read_report", ""),
    ]  # fmt: skip


async def test_of_a_child_of_two_polyclinics_an_administrator_has_it(
    client: Client, polyclinic: httpx2.AsyncClient, referrals: ReferralsInMemory, receipt: dict[str, Any]
) -> None:
    referrals.set(receipt, ReferralState.CANCELLED)
    assert (await client("polyclinic", "p2").post("/v1/diagnoses", json=child_body())).status_code == 201
    refused = await polyclinic.get(path(receipt))
    assert (refused.status_code, refused.json()["code"]) == (409, "shared_child")
    assert len((await client("admin").get(path(receipt))).json()["referrals"]) == 2


async def test_a_joined_child_is_in_it_and_an_erased_one_has_none(
    polyclinic: httpx2.AsyncClient, referrals: ReferralsInMemory
) -> None:
    one = (await polyclinic.post("/v1/diagnoses", json=newborn())).json()
    two = (await polyclinic.post("/v1/diagnoses", json=newborn(not_duplicate_of=[one["referral_id"]]))).json()
    await polyclinic.post(f"/v1/diagnoses/{two['referral_id']}/notes", json={"text": NOTE})
    await polyclinic.post(f"/v1/children/{one['child_id']}/join", json={"child_id": two["child_id"]})
    report = (await polyclinic.get(path(two))).json()
    assert report["child_ids"] == [one["child_id"], two["child_id"]]
    assert [each["text"] for each in report["notes"]] == [NOTE]
    assert len(report["corrections"]) == 1
    for each in (one, two):
        referrals.set(each, ReferralState.CANCELLED)
    assert (await polyclinic.post(f"/v1/children/{one['child_id']}/erase")).status_code == 200
    assert (await polyclinic.get(path(one))).status_code == 404
