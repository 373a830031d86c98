"""A newborn who gets an IIN later: it is added, or two children are joined, and one place and turn remain."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import select

from services.contracts.events import ChildrenJoinedV1, read_event
from services.contracts.vocabulary import ReferralState
from services.intake.adapters.tables import outbox
from services.intake.bootstrap import Intake
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.integration.intake.test_corrections import former
from tests.integration.intake.test_possible_duplicates import submit
from tests.unit.intake.samples import iin_of, newborn

S = ReferralState


def iin(number: int = 0) -> str:
    return iin_of(date.fromisoformat(newborn()["child"]["birth_date"]), "female", number)


def with_iin(number: int = 0) -> dict[str, Any]:
    body = newborn()
    return body | {"child": body["child"] | {"iin": iin(number)}}


async def joins(intake: Intake) -> list[ChildrenJoinedV1]:
    query = select(outbox.rows.c.payload).order_by(outbox.rows.c.sequence)
    events = [read_event(raw) for raw in await intake.database.read(lambda s: s.execute(query).scalars().all())]
    return [one.data for one in events if one and isinstance(one.data, ChildrenJoinedV1)]


@pytest.fixture
async def first(polyclinic: httpx2.AsyncClient) -> dict[str, Any]:
    """The newborn without an IIN."""
    found: dict[str, Any] = (await submit(polyclinic, newborn())).json()
    return found


@pytest.fixture
async def second(polyclinic: httpx2.AsyncClient, first: dict[str, Any]) -> dict[str, Any]:
    """The same child, submitted again with its IIN."""
    found: dict[str, Any] = (await submit(polyclinic, with_iin())).json()
    return found


async def test_an_iin_is_added_to_a_child_without_one(polyclinic: httpx2.AsyncClient, first: dict[str, Any]) -> None:
    answer = await polyclinic.patch(f"/v1/children/{first['child_id']}", json={"child": {"iin": iin()}})
    assert answer.status_code == 200, answer.text
    found = await polyclinic.post("/v1/children/lookup", json={"iin": iin()})
    assert found.json()["child_id"] == first["child_id"]
    again = await submit(polyclinic, with_iin())
    assert (again.status_code, again.json()["code"]) == (409, "open_referral_exists")


async def test_an_iin_that_has_a_child_says_how_to_join_them(
    polyclinic: httpx2.AsyncClient, first: dict[str, Any], second: dict[str, Any]
) -> None:
    answer = await polyclinic.patch(f"/v1/children/{first['child_id']}", json={"child": {"iin": iin()}})
    assert (answer.status_code, answer.json()["child_id"]) == (409, second["child_id"])
    assert "/join" in answer.json()["detail"]


@pytest.mark.parametrize("stays", ["first", "second"])
async def test_two_children_become_one_whichever_stays(
    polyclinic: httpx2.AsyncClient, intake: Intake, first: dict[str, Any], second: dict[str, Any], stays: str
) -> None:
    child, other = (first, second) if stays == "first" else (second, first)
    path = f"/v1/children/{child['child_id']}/join"
    answer = await polyclinic.post(path, json={"child_id": other["child_id"]})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "child_id": child["child_id"], "joined_child_id": other["child_id"],
        "referral_id": first["referral_id"], "ended_referral_id": second["referral_id"],
    }  # fmt: skip
    [event] = await joins(intake)
    assert (event.referral_id, event.ended_referral_id) == (UUID(first["referral_id"]), UUID(second["referral_id"]))
    for id in (child["child_id"], other["child_id"]):
        read = (await polyclinic.get(f"/v1/children/{id}")).json()
        assert (read["child_id"], read["child"]["iin"], len(read["referrals"])) == (child["child_id"], iin(), 2)
    refused = await submit(polyclinic, with_iin())
    assert (refused.json()["code"], refused.json()["referral_id"]) == ("open_referral_exists", first["referral_id"])
    again = await polyclinic.post(path, json={"child_id": other["child_id"]})
    assert again.status_code == 200
    assert len(await joins(intake)) == 1


async def test_the_referral_that_has_come_farther_stays(
    referrals: ReferralsInMemory,
    polyclinic: httpx2.AsyncClient,
    intake: Intake,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    referrals.set(first, S.WAITING)
    referrals.set(second, S.ACCEPTED)
    answer = await polyclinic.post(f"/v1/children/{first['child_id']}/join", json={"child_id": second["child_id"]})
    assert answer.json()["referral_id"] == second["referral_id"]
    referrals.set(first, S.CANCELLED)
    assert (await submit(polyclinic, with_iin())).json()["referral_id"] == second["referral_id"]


async def test_a_closed_referral_of_the_two_is_left(
    referrals: ReferralsInMemory,
    polyclinic: httpx2.AsyncClient,
    intake: Intake,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    referrals.set(second, S.COMPLETED)
    answer = await polyclinic.post(f"/v1/children/{first['child_id']}/join", json={"child_id": second["child_id"]})
    assert (answer.json()["referral_id"], answer.json()["ended_referral_id"]) == (first["referral_id"], None)
    assert await joins(intake) == []
    assert (await submit(polyclinic, with_iin())).json()["referral_id"] == first["referral_id"]


async def test_an_operator_joins_what_two_polyclinics_have_and_reads_nothing_personal(
    client: Client, intake: Intake, first: dict[str, Any]
) -> None:
    elsewhere = (await submit(client("polyclinic", "p2"), with_iin())).json()
    path, body = f"/v1/children/{first['child_id']}/join", {"child_id": elsewhere["child_id"]}
    for org in ("p1", "p2", "p3"):
        assert (await client("polyclinic", org).post(path, json=body)).status_code == 404
    for stranger in (client("center", "c1"), client("polyclinic")):
        assert (await stranger.post(path, json=body)).status_code == 403
    answer = await client("operator").post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert newborn()["guardian"]["phone"] not in answer.text
    rows = await intake.audit_trail.entries(first["child_id"], 0, 100)
    assert [(row["person"], row["refused"]) for row in rows if row["act"] == "join_children"] == [
        *[("polyclinic-1", "not_found")] * 3, ("center-1", "forbidden"), ("polyclinic-1", "forbidden"),
        ("operator-1", ""),
    ]  # fmt: skip
    for before, after in await former(intake):
        assert (before.child.birth_date, after.child.iin) == (after.child.birth_date, iin())


async def test_who_is_not_one_child_is_not_joined(
    polyclinic: httpx2.AsyncClient, first: dict[str, Any], second: dict[str, Any]
) -> None:
    other = (await submit(polyclinic, with_iin(40))).json()
    boy = (await submit(polyclinic, newborn(child__sex="male"))).json()
    for child, joined, expected in (
        (second, other, (409, "different_iins")), (first, boy, (409, "different_children")),
        (first, first, (409, "same_child")), (first, {"child_id": str(uuid4())}, (404, "not_found")),
    ):  # fmt: skip
        answer = await polyclinic.post(f"/v1/children/{child['child_id']}/join", json={"child_id": joined["child_id"]})
        assert (answer.status_code, answer.json()["code"]) == expected


async def joined(polyclinic: httpx2.AsyncClient, child: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    path = f"/v1/children/{child['child_id']}/join"
    answer = await polyclinic.post(path, json={"child_id": other["child_id"]})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def twin(polyclinic: httpx2.AsyncClient, *others: dict[str, Any]) -> dict[str, Any]:
    """The same newborn again, submitted as if it were another."""
    body = newborn(not_duplicate_of=[one["referral_id"] for one in others])
    found: dict[str, Any] = (await submit(polyclinic, body)).json()
    return found


@pytest.mark.parametrize("iin_known", [False, True])
async def test_a_third_is_joined_before_the_event_of_the_second(
    polyclinic: httpx2.AsyncClient, intake: Intake, first: dict[str, Any], iin_known: bool
) -> None:
    second = await twin(polyclinic, first)
    third = (await submit(polyclinic, with_iin())).json() if iin_known else await twin(polyclinic, first, second)
    one, two, three = (UUID(each["referral_id"]) for each in (first, second, third))
    await joined(polyclinic, second, first)
    answer = await joined(polyclinic, third, second)
    assert (UUID(answer["referral_id"]), UUID(answer["ended_referral_id"])) == (one, three)
    ended = [(event.referral_id, event.ended_referral_id) for event in await joins(intake)]
    assert ended == [(one, two), (one, three), (two, three)], "each with each: the worker knows which is open"
    if iin_known:
        assert (await submit(polyclinic, with_iin())).json()["referral_id"] == first["referral_id"]


async def test_the_iin_is_added_right_after_a_join(polyclinic: httpx2.AsyncClient, first: dict[str, Any]) -> None:
    second = await twin(polyclinic, first)
    await joined(polyclinic, first, second)
    answer = await polyclinic.patch(f"/v1/children/{first['child_id']}", json={"child": {"iin": iin()}})
    assert answer.status_code == 200, answer.text
    assert (await submit(polyclinic, with_iin())).json()["referral_id"] == first["referral_id"]


async def test_the_referral_that_ends_is_no_possible_duplicate(
    polyclinic: httpx2.AsyncClient, first: dict[str, Any]
) -> None:
    await joined(polyclinic, first, await twin(polyclinic, first))
    assert (await submit(polyclinic, newborn())).json()["referral_ids"] == [first["referral_id"]]


async def test_when_the_one_that_was_to_stay_is_closed_the_other_is_open_again(
    referrals: ReferralsInMemory,
    polyclinic: httpx2.AsyncClient,
    intake: Intake,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    await joined(polyclinic, first, second)
    referrals.set(first, S.CANCELLED)  # before the join at the worker, which so leaves the second open
    refused = (await submit(polyclinic, with_iin())).json()
    assert (refused["code"], refused["referral_id"]) == ("open_referral_exists", second["referral_id"])
    referrals.set(second, S.COMPLETED)
    assert (await submit(polyclinic, with_iin())).status_code == 201


async def test_after_a_join_as_planned_the_child_s_referral_is_open_until_it_ends(
    referrals: ReferralsInMemory,
    polyclinic: httpx2.AsyncClient,
    intake: Intake,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    await joined(polyclinic, first, second)
    referrals.set(second, S.OFFERED)  # an event of before the join
    referrals.set(second, S.CANCELLED)
    assert (await submit(polyclinic, with_iin())).json()["referral_id"] == first["referral_id"]
    referrals.set(first, S.COMPLETED)
    assert (await submit(polyclinic, with_iin())).status_code == 201


async def test_a_correction_by_a_polyclinic_that_does_not_know_the_iin_leaves_it(
    client: Client, first: dict[str, Any]
) -> None:
    p1, p2 = client("polyclinic", "p1"), client("polyclinic", "p2")
    await submit(p2, newborn(7))  # a stranger without an IIN
    elsewhere = (await submit(p2, newborn(not_duplicate_of=[]))).json()
    await joined(client("operator"), first, elsewhere)
    path = f"/v1/children/{first['child_id']}"
    assert (await p1.patch(path, json={"child": {"iin": iin()}})).status_code == 200
    answer = await p2.patch(path, json={"guardian": {"phone": "+77019999999"}})
    assert (answer.status_code, answer.json().get("guardian")) == (
        200,
        newborn()["guardian"] | {"phone": "+77019999999"},
    )
    assert (await p1.post("/v1/children/lookup", json={"iin": iin()})).json()["child_id"] == first["child_id"]
    for number, expected in ((0, 200), (40, 409)):
        answer = await p2.patch(path, json={"child": {"iin": iin(number)}})
        assert answer.status_code == expected, answer.text


async def test_an_id_that_was_joined_leads_to_its_child_however_long_the_way(
    polyclinic: httpx2.AsyncClient, first: dict[str, Any]
) -> None:
    second = await twin(polyclinic, first)
    third = await twin(polyclinic, first, second)
    fourth = (await submit(polyclinic, with_iin())).json()
    await joined(polyclinic, second, first)
    await joined(polyclinic, third, second)
    # Each of the joined ids leads on, in a join too: the fourth is joined into the third.
    assert (await joined(polyclinic, first, fourth))["child_id"] == third["child_id"]
    for child in (first, second, fourth):
        path = f"/v1/children/{child['child_id']}"
        read = await polyclinic.get(path)
        assert (read.status_code, read.json().get("child_id")) == (200, third["child_id"])
        patch, match = {"child": {"full_name": f"Name of {child['child_id']}"}}, {"If-Match": read.headers["etag"]}
        answer = await polyclinic.patch(path, json=patch, headers=match)
        assert answer.status_code == 200, answer.text
        assert answer.json()["child_id"] == third["child_id"]
        after = (await polyclinic.get(f"/v1/children/{third['child_id']}")).json()
        assert (after["child"]["full_name"], len(after["referrals"])) == (patch["child"]["full_name"], 4)
        assert (await joined(polyclinic, third, child))["joined_child_id"] == child["child_id"]
    assert (await polyclinic.patch(f"/v1/children/{uuid4()}", json=patch)).status_code == 404
