"""Who sees which referral, and what of it: polyclinics their own, centers their part, operators all."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx2

from services.contracts.vocabulary import ReferralState
from services.referral.domain.life import Command
from tests.integration.referral.country import Country, problem
from tests.integration.referral.listed import ids

Client = Callable[..., httpx2.AsyncClient]
NOTE = str(UUID(int=77))
ONE = f"/v1/referrals/{UUID(int=1)}"


SEEN_BY = [
    ("polyclinic", "p1", [1]), ("polyclinic", "p2", [2]), ("polyclinic", "p3", []),
    ("center", "near", [1]), ("center", "far", []),
    ("operator", "", [2, 1]), ("admin", "", [2, 1]),
]  # fmt: skip


async def test_each_role_sees_its_own_and_the_others_are_not_there(offered: Country, client: Client) -> None:
    for role, org, sees in SEEN_BY:
        reader = client(role, org=org)
        assert await ids(reader) == sees, role
        for number in {1, 2}.difference(sees):
            answer = await reader.get(f"/v1/referrals/{UUID(int=number)}")
            assert await problem(answer) == (404, "referral_not_found", []), role
        for number in sees:
            assert (await reader.get(f"/v1/referrals/{UUID(int=number)}")).status_code == 200, role


async def test_a_hospital_sees_what_it_submitted_and_what_was_offered_to_it(offered: Country, client: Client) -> None:
    await offered.submit(3, polyclinic_id="near")
    hospital = client("center", "polyclinic", org="near")
    assert await ids(hospital) == [3, 1]
    assert await ids(hospital, polyclinic_id="near") == [3]
    assert await ids(hospital, center_id="near") == [1]
    waiting = (await hospital.get(f"/v1/referrals/{UUID(int=3)}")).json()
    assert {one["center_id"] for one in waiting["queues"]} == {"near", "far"}, "its own submission is seen whole"


async def test_a_center_sees_its_own_queue_entries_only(moved_on: Country, client: Client) -> None:
    own = (await client("center", org="far").get(ONE)).json()
    assert [(one["programme_id"], one["reason"]) for one in own["queues"]] == [("far", "decided")]
    assert (await client("center", org="near").get(ONE)).json()["queues"] == []


async def test_a_center_goes_on_seeing_what_was_once_offered_to_it(offered: Country, client: Client) -> None:
    await offered.decline(1)
    await offered.deliver()
    near = client("center", org="near")
    assert await ids(near) == [2, 1]
    story = (await near.get(ONE)).json()
    assert (story["state"], story["allowed_actions"]) == ("submitted", []), "its own step, and no later one"


HIDDEN = (
    "child_id", "attempt", "priority", "submitted_at", "settlement_id", "region_id", "icd10", "gmfcs", "age_months",
    "max_distance_km", "center_id", "programme_id", "owner", "deadline_at", "admit_on", "admitted_at", "escalated_at",
    "escalation", "changed_at", "decision", "forecast", "forecast_missing",
)  # fmt: skip


async def test_a_center_that_declined_does_not_see_what_happened_elsewhere(moved_on: Country, client: Client) -> None:
    near = client("center", org="near")
    story = (await near.get(ONE)).json()
    assert (story["state"], story["version"], story["polyclinic_id"]) == ("submitted", 2, "p1")
    assert {name: story[name] for name in HIDDEN} == dict.fromkeys(HIDDEN)
    assert (story["modalities"], story["queues"], story["allowed_actions"]) == ([], [], [])
    assert [(one["center_id"], one["state"], one["reason"]) for one in story["offers"]] == [
        ("near", "declined", "no_capacity")
    ]
    assert [one["command"] for one in story["history"]] == ["offer", "decline"]
    listed = (await near.get("/v1/referrals")).json()["items"]
    assert listed == [{name: story[name] for name in listed[0]}]


async def test_the_center_that_has_the_child_sees_its_own_part(moved_on: Country, client: Client) -> None:
    far = client("center", org="far")
    story = (await far.get(ONE)).json()
    assert (story["state"], story["center_id"], story["owner"]) == ("accepted", "far", "center:far")
    assert None not in (story["deadline_at"], story["admit_on"])
    assert [one["center_id"] for one in story["offers"]] == ["far"]
    assert [(one["command"], one["note_id"]) for one in story["history"]] == [("hand_over", None), ("accept", NOTE)]
    assert story["decision"]["attempt"] == 2
    assert [one["center_id"] for one in story["decision"]["candidates"]] == ["far"]
    assert [one["center_id"] for one in (await far.get("/v1/referrals")).json()["items"]] == ["far"]


async def test_a_list_does_not_disclose_which_other_center_has_the_child(moved_on: Country, client: Client) -> None:
    assert await ids(client("center", org="near"), center_id="far") == []
    assert await ids(client("center", org="far"), center_id="far") == [1]
    near = client("center", org="near")
    for state in ReferralState:
        assert await ids(near, status=state.value) == [], "a filter does not tell the state elsewhere either"
    assert await ids(client("center", org="far"), status="accepted") == [1]


async def test_neither_a_tag_nor_a_refusal_tells_a_center_what_happened_elsewhere(
    offered: Country, client: Client
) -> None:
    near, told = client("center", org="near"), set[tuple[str, ...]]()
    await offered.open("other", places=2, settlement="far")
    await offered.decline(1)
    steps: list[Callable[[], Awaitable[object]]] = [
        offered.deliver, lambda: offered.admit(1), offered.deliver, offered.deliver,
    ]  # fmt: skip
    for step in steps:
        read = await near.get(ONE)
        refused = [await near.post(f"{ONE}/accept", headers=tag) for tag in ({}, {"If-Match": read.headers["etag"]})]
        told.add((read.headers["etag"], read.text, *(f"{one.status_code} {one.text}" for one in refused)))
        await step()
    assert len(told) == 1
    assert "409" in str(told)


async def test_polyclinic_and_operator_see_all_attempts(moved_on: Country, client: Client) -> None:
    for reader in (client("polyclinic", org="p1"), client("operator")):
        story = (await reader.get(ONE)).json()
        assert [one["center_id"] for one in story["offers"]] == ["near", "far"]
        assert [one["command"] for one in story["history"]] == ["offer", "decline", "wait", "hand_over", "accept"]
        assert (story["center_id"], story["decision"]["attempt"]) == ("far", 2)


async def test_a_center_sees_how_its_own_attempt_ended_by_another(offered: Country, client: Client) -> None:
    await offered.admit(1)
    await offered.act(1, Command.CANCEL, "duplicate")
    story = (await client("center", org="near").get(ONE)).json()
    assert [one["command"] for one in story["history"]] == ["offer", "accept", "admit", "cancel"]
    assert (story["state"], story["icd10"], story["admitted_at"]) == ("cancelled", None, None)


async def test_a_center_does_not_see_who_declined_before(country: Country, client: Client) -> None:
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    await country.decline(1)
    await country.deliver()
    path = f"/v1/referrals/{UUID(int=1)}"
    own = (await client("center", org="far").get(path)).json()
    assert own["decision"]["excluded"] == {}
    all = (await client("operator").get(path)).json()
    assert all["decision"]["excluded"] == {"declined": ["near"]}
