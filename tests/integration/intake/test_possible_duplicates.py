"""A child without an IIN who looks like one with an open referral is refused, or explained."""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest

from services.contracts.submissions import CSV_COLUMNS
from services.contracts.vocabulary import ReferralState
from services.intake.bootstrap import Intake
from tests.integration.intake.bulk_files import CSV, csv_file, csv_row
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body, iin_of, newborn


async def submit(polyclinic: httpx2.AsyncClient, body: dict[str, Any], **headers: str) -> httpx2.Response:
    return await polyclinic.post("/v1/diagnoses", json=body, headers=headers)


async def test_a_newborn_submitted_twice_is_refused_by_its_open_referral(polyclinic: httpx2.AsyncClient) -> None:
    first = (await submit(polyclinic, newborn())).json()
    again = await submit(polyclinic, newborn(child__full_name="Another spelling"))
    assert (again.status_code, again.json()["code"]) == (409, "possible_duplicate")
    assert again.json()["referral_ids"] == [first["referral_id"]]
    assert newborn()["guardian"]["phone"] not in again.text


async def test_of_many_at_once_one_is_taken(polyclinic: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(submit(polyclinic, newborn()) for _ in range(12)))
    assert sorted(one.status_code for one in answers) == [201, *[409] * 11]


async def test_twins_exist(polyclinic: httpx2.AsyncClient) -> None:
    first = (await submit(polyclinic, newborn())).json()["referral_id"]
    second = await submit(polyclinic, newborn(not_duplicate_of=[first]))
    assert second.status_code == 201, second.text
    third = await submit(polyclinic, newborn(not_duplicate_of=[first]))
    assert sorted(third.json()["referral_ids"]) == sorted([first, second.json()["referral_id"]])
    both = [first, second.json()["referral_id"]]
    assert (await submit(polyclinic, newborn(not_duplicate_of=both))).status_code == 201
    read = (await polyclinic.get(f"/v1/diagnoses/{second.json()['referral_id']}")).json()
    assert "not_duplicate_of" not in read


async def test_another_polyclinics_referral_is_not_named_and_may_be_denied_unnamed(client: Client) -> None:
    await submit(client("polyclinic", "p2"), newborn())
    own = client("polyclinic", "p1")
    refused = await submit(own, newborn())
    assert (refused.status_code, refused.json()["referral_ids"]) == (409, [])
    assert "p2" not in refused.text
    assert (await submit(own, newborn(not_duplicate_of=[]))).status_code == 201


@pytest.mark.parametrize("different", [("child__sex", "male"), ("guardian__phone", "+77019999999")])
async def test_who_differs_is_another_child(polyclinic: httpx2.AsyncClient, different: tuple[str, Any]) -> None:
    assert (await submit(polyclinic, newborn())).status_code == 201
    assert (await submit(polyclinic, newborn(0, **dict([different])))).status_code == 201


async def test_a_child_with_an_iin_counts_and_is_itself_told_apart_by_it(polyclinic: httpx2.AsyncClient) -> None:
    known = child_body(1)
    await submit(polyclinic, known)
    sibling = child_body(2, child__birth_date=known["child"]["birth_date"], guardian=known["guardian"])
    sibling["child"]["iin"] = child_body(3)["child"]["iin"]
    assert (await submit(polyclinic, sibling)).status_code == 201


async def test_a_child_without_an_iin_is_compared_with_those_who_have_one(polyclinic: httpx2.AsyncClient) -> None:
    born = date.fromisoformat(newborn()["child"]["birth_date"])
    first = await submit(polyclinic, newborn() | {"child": newborn()["child"] | {"iin": iin_of(born, "female", 0)}})
    again = await submit(polyclinic, newborn())
    assert (again.status_code, again.json()["referral_ids"]) == (409, [first.json()["referral_id"]])


async def test_a_closed_referral_is_in_nobodys_way(
    referrals: ReferralsInMemory, polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    first = (await submit(polyclinic, newborn())).json()
    referrals.set(first, ReferralState.COMPLETED)
    assert (await submit(polyclinic, newborn())).status_code == 201


async def test_a_corrected_phone_is_compared(polyclinic: httpx2.AsyncClient) -> None:
    first = (await submit(polyclinic, newborn())).json()
    patch = {"guardian": {"phone": "+77019999999"}}
    assert (await polyclinic.patch(f"/v1/children/{first['child_id']}", json=patch)).status_code == 200
    assert (await submit(polyclinic, newborn(guardian__phone="+77019999999"))).status_code == 409
    assert (await submit(polyclinic, newborn())).status_code == 201


async def test_the_same_key_is_replayed_and_a_refused_one_may_be_explained(polyclinic: httpx2.AsyncClient) -> None:
    first = await submit(polyclinic, newborn(), **{"Idempotency-Key": "a"})
    assert (await submit(polyclinic, newborn(), **{"Idempotency-Key": "a"})).json() == first.json()
    assert (await submit(polyclinic, newborn(), **{"Idempotency-Key": "b"})).status_code == 409
    told = newborn(not_duplicate_of=[first.json()["referral_id"]])
    assert (await submit(polyclinic, told, **{"Idempotency-Key": "b"})).status_code == 201


async def test_lines_of_one_file_are_compared_with_each_other(polyclinic: httpx2.AsyncClient) -> None:
    lines = b"\n".join(orjson.dumps(one) for one in (newborn(), newborn(), newborn(not_duplicate_of=[str(uuid4())])))
    answer = await polyclinic.post(
        "/v1/diagnoses/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    found = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [(one["status"], one.get("code")) for one in found] == [
        (201, None), (409, "possible_duplicate"), (409, "possible_duplicate")
    ]  # fmt: skip
    assert found[1]["referral_ids"] == [found[0]["referral_id"]]


async def test_a_csv_says_it_in_a_column(polyclinic: httpx2.AsyncClient) -> None:
    first = (await submit(polyclinic, newborn())).json()["referral_id"]
    one = newborn()
    row = (
        "", one["child"]["full_name"], one["child"]["birth_date"], one["child"]["sex"], one["guardian"]["full_name"],
        one["guardian"]["phone"], "G80.1", "III", "almaty", "inpatient", "", "", f"{first};{UUID(int=1)}",
    )  # fmt: skip
    content = "\n".join([",".join((*CSV_COLUMNS, "not_duplicate_of")), ",".join(row)])
    answer = await polyclinic.post("/v1/diagnoses/bulk", content=content.encode(), headers={"Content-Type": "text/csv"})
    assert orjson.loads(answer.content)["status"] == 201, answer.text


def with_iin(born: str, **changes: Any) -> dict[str, Any]:
    iin = iin_of(date.fromisoformat(born), newborn()["child"]["sex"], 7)
    return child_body(child__iin=iin, child__birth_date=born, **changes)


def possible(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 201, answer.text
    return [one["message"] for one in answer.json()["warnings"] if one["code"] == "possible_duplicate"]


async def test_a_newborn_submitted_again_with_an_iin_is_taken_with_a_warning_that_names_the_open_referral(
    polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    first = (await submit(polyclinic, newborn())).json()
    body = with_iin(newborn()["child"]["birth_date"])
    second = await submit(polyclinic, body, **{"Idempotency-Key": "k"})
    [told] = possible(second)
    assert f"joldama join {first['referral_id']} {second.json()['referral_id']}" in told
    assert (await submit(polyclinic, body, **{"Idempotency-Key": "k"})).json()["warnings"] == second.json()["warnings"]
    joined = await polyclinic.post(
        f"/v1/children/{first['child_id']}/join", json={"child_id": second.json()["child_id"]}
    )
    assert joined.status_code == 200, joined.text


async def test_in_one_file_too(polyclinic: httpx2.AsyncClient) -> None:
    lines = b"\n".join(orjson.dumps(one) for one in (newborn(), with_iin(newborn()["child"]["birth_date"])))
    answer = await polyclinic.post(
        "/v1/diagnoses/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    first, second = (orjson.loads(line) for line in answer.content.splitlines())
    assert [one["code"] for one in second["warnings"]] == ["possible_duplicate"]
    assert first["referral_id"] in second["warnings"][0]["message"]


async def test_in_a_csv_warnings_name_the_column(polyclinic: httpx2.AsyncClient) -> None:
    """Of the IIN itself, and of a possible duplicate."""
    first = (await submit(polyclinic, newborn())).json()
    born = newborn()["child"]["birth_date"]
    body = with_iin(born)
    row = csv_row(
        1, iin=body["child"]["iin"], birth_date=born, sex=newborn()["child"]["sex"],
        guardian_phone=newborn()["guardian"]["phone"],
    )  # fmt: skip
    wrong = csv_row(2, birth_date="2019-01-02")
    answer = await polyclinic.post("/v1/diagnoses/bulk", content=csv_file([row, wrong]), headers=CSV)
    told, mismatch = (orjson.loads(line)["warnings"] for line in answer.content.splitlines())
    assert [(one["field"], one["code"]) for one in told] == [("iin", "possible_duplicate")]
    assert first["referral_id"] in told[0]["message"]
    assert [(one["field"], one["code"]) for one in mismatch] == [("birth_date", "iin_birth_date_mismatch")]


async def test_no_warning_of_twins_of_ended_referrals_and_of_children_who_have_their_own_iins(
    referrals: ReferralsInMemory, polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    born = newborn()["child"]["birth_date"]
    first = (await submit(polyclinic, newborn())).json()
    assert possible(await submit(polyclinic, with_iin(born, not_duplicate_of=[first["referral_id"]]))) == []
    referrals.set(first, ReferralState.COMPLETED)
    other = child_body(1)["child"]["full_name"]
    twin = iin_of(date.fromisoformat(born), newborn()["child"]["sex"], 8)
    body = child_body(child__iin=twin, child__birth_date=born, child__full_name=other)
    assert possible(await submit(polyclinic, body)) == []


async def test_another_polyclinics_referral_is_warned_of_without_naming_it(client: Client) -> None:
    first = (await submit(client("polyclinic", "p2"), newborn())).json()
    [told] = possible(await submit(client("polyclinic", "p1"), with_iin(newborn()["child"]["birth_date"])))
    assert "another polyclinic" in told
    assert not any(one in told for one in ("p2", first["referral_id"], first["child_id"]))
