"""`POST /v1/referrals/{id}/…`: the roles, the fields, and the answers."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest

from services.contracts.days import day_of
from services.referral.bootstrap import utc_now
from tests.integration.referral.country import Country, problem

Client = Callable[..., httpx2.AsyncClient]
NOTE = str(UUID(int=77))
ONE = f"/v1/referrals/{UUID(int=1)}"


@pytest.fixture
async def offered(country: Country) -> Country:
    """Child 1 of polyclinic p1 is offered to `near`."""
    await country.open("near")
    await country.submit(1)
    return country


async def post(client: httpx2.AsyncClient, command: str, **body: object) -> dict[str, object]:
    answer = await client.post(f"{ONE}/{command}", json=body)
    assert answer.status_code == 200, answer.text
    story: dict[str, object] = answer.json()
    return story


async def test_a_center_takes_a_child_from_the_offer_to_the_discharge(offered: Country, client: Client) -> None:
    near, day = client("center", org="near"), day_of(utc_now()) + timedelta(days=3)
    accepted = await post(near, "accept", admit_on=str(day), note_id=NOTE)
    assert (accepted["state"], accepted["admit_on"], accepted["owner"]) == ("accepted", str(day), "center:near")
    admitted = await post(near, "admit")
    assert (admitted["state"], admitted["allowed_actions"]) == ("admitted", ["discharge"])
    assert admitted["admitted_at"] is not None
    completed = await post(near, "discharge", outcome="improved")
    assert (completed["state"], completed["owner"], completed["deadline_at"]) == ("completed", None, None)
    assert completed["allowed_actions"] == []
    history = completed["history"]
    assert isinstance(history, list)
    assert [(one["command"], one["actor"], one["reason"], one["note_id"]) for one in history[1:]] == [
        ("accept", "center:near/center-1", None, NOTE), ("admit", "center:near/center-1", None, None),
        ("discharge", "center:near/center-1", "improved", None),
    ]  # fmt: skip


async def test_a_polyclinic_offers_again_after_a_no_show_and_withdraws_in_the_end(
    offered: Country, client: Client
) -> None:
    near, p1 = client("center", org="near"), client("polyclinic", org="p1")
    await post(near, "accept")
    await post(near, "no-show", reason="child_ill")
    assert (await p1.get(ONE)).json()["allowed_actions"] == ["offer-again", "cancel", "withdraw"]
    assert (await near.get(ONE)).json()["allowed_actions"] == []
    assert (await post(p1, "offer-again"))["state"] == "submitted"
    withdrawn = await post(p1, "withdraw", note_id=NOTE)
    assert withdrawn["state"] == "cancelled"
    history = withdrawn["history"]
    assert isinstance(history, list)
    assert (history[-1]["actor"], history[-1]["reason"]) == ("polyclinic:p1/polyclinic-1", "family_withdrew")


MAY = {
    "seen": {"center", "admin"}, "accept": {"center", "admin"}, "decline": {"center", "admin"},
    "admit": {"center", "admin"}, "no-show": {"center", "admin"}, "discharge": {"center", "admin"},
    "cancel": {"polyclinic", "operator", "admin"}, "withdraw": {"polyclinic", "admin"},
    "offer-again": {"polyclinic", "operator", "admin"},
}  # fmt: skip


async def test_each_command_is_for_its_roles_only(offered: Country, client: Client) -> None:
    for command, may in MAY.items():
        for role in {"polyclinic", "center", "operator", "admin", "referral-api"} - may:
            answer = await client(role, org="near").post(f"{ONE}/{command}")
            assert (await problem(answer))[:2] == (403, "forbidden"), (command, role)
        assert (await problem(await client().post(f"{ONE}/{command}")))[:2] == (401, "unauthorized")


async def test_another_polyclinic_or_center_does_not_find_the_child(offered: Country, client: Client) -> None:
    for role, org, command, body in (
        ("polyclinic", "p2", "cancel", {"reason": "other"}), ("polyclinic", "p2", "withdraw", {}),
        ("center", "far", "admit", {}), ("center", "far", "accept", {}),
    ):  # fmt: skip
        answer = await client(role, org=org).post(f"{ONE}/{command}", json=body)
        assert (await problem(answer))[:2] == (404, "referral_not_found"), (role, org, command)


async def test_a_center_whose_offer_is_over_may_do_nothing_any_more(offered: Country, client: Client) -> None:
    near = client("center", org="near")
    await post(near, "decline", reason="no_capacity")
    refused = await near.post(f"{ONE}/accept")
    assert (await problem(refused))[:2] == (409, "illegal_transition")
    assert refused.json()["allowed_actions"] == []


async def test_an_operator_cancels_any_and_a_wrong_state_names_the_allowed(offered: Country, client: Client) -> None:
    operator = client("operator")
    refused = await operator.post(f"{ONE}/offer-again")
    assert (await problem(refused))[:2] == (409, "illegal_transition")
    assert refused.json()["allowed_actions"] == ["cancel"]
    assert (await post(operator, "cancel", reason="recorded_in_error"))["state"] == "cancelled"


TOMORROW, YESTERDAY = day_of(utc_now()) + timedelta(days=1), day_of(utc_now()) - timedelta(days=1)
NO_DAYS: list[object] = [
    *("soon", 1796083200, "1796083200", 1796083200.0, 1796083200000, "1796083200000", True, [], ""),
    *(f"{TOMORROW}T00:00:00", f"{TOMORROW}T10:30:00+05:00", f" {TOMORROW}", "2027-02-30", "20270201", "01.02.2027"),
]
REFUSED: list[tuple[str, str, dict[str, object], str, str]] = [
    ("center", "no-show", {}, "unknown_reason", "reason"),
    ("center", "no-show", {"reason": "no_capacity"}, "unknown_reason", "reason"),
    ("operator", "cancel", {"reason": "child_ill"}, "unknown_reason", "reason"),
    ("operator", "cancel", {}, "unknown_reason", "reason"),
    ("polyclinic", "withdraw", {"reason": "other"}, "validation_failed", "reason"),
    ("center", "discharge", {}, "unknown_outcome", "outcome"),
    ("center", "discharge", {"outcome": "other"}, "unknown_outcome", "outcome"),
    ("center", "discharge", {"outcome": "stable", "reason": "other"}, "validation_failed", "reason"),
    ("center", "accept", {"admit_on": str(YESTERDAY)}, "day_out_of_range", "admit_on"),
    ("center", "accept", {"admit_on": str(TOMORROW + timedelta(days=370))}, "day_out_of_range", "admit_on"),
    *(("center", "accept", {"admit_on": wrong}, "validation_failed", "admit_on") for wrong in NO_DAYS),
    ("center", "admit", {"admit_on": str(TOMORROW)}, "validation_failed", "admit_on"),
    ("polyclinic", "offer-again", {"note": "x"}, "validation_failed", "note"),
    ("polyclinic", "offer-again", {"note_id": "x"}, "validation_failed", "note_id"),
]


async def test_each_refusal_names_its_field_and_changes_nothing(offered: Country, client: Client) -> None:
    orgs = {"center": "near", "polyclinic": "p1", "operator": ""}
    for role, command, body, code, field in REFUSED:
        answer = await client(role, org=orgs[role]).post(f"{ONE}/{command}", json=body)
        assert await problem(answer) == (422, code, [field]), (command, body)
    assert (await offered.loaded(1)).referral.version == 1


async def test_an_older_version_is_refused_for_every_command(offered: Country, client: Client) -> None:
    bodies = {"decline": {"reason": "other"}, "no-show": {"reason": "other"}, "cancel": {"reason": "other"}}
    bodies["discharge"] = {"outcome": "stable"}
    for command in MAY:
        answer = await client("admin").post(
            f"{ONE}/{command}", json=bodies.get(command, {}), headers={"If-Match": '"7"'}
        )
        assert (await problem(answer))[:2] == (412, "version_moved"), command


async def test_every_allowed_action_is_possible(offered: Country, client: Client) -> None:
    admin = client("admin")
    for command in ("accept", "admit"):
        allowed = (await admin.get(ONE)).json()["allowed_actions"]
        assert command in allowed
        assert set(allowed) <= set(MAY)
        await post(admin, command)


async def test_a_hospital_acts_by_the_role_that_each_command_needs(country: Country, client: Client) -> None:
    """Polyclinic and center at once: it submitted child 1, which is offered to it, and child 2, which `far` has."""
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1, 2, polyclinic_id="near")
    hospital, two = client("center", "polyclinic", org="near"), f"/v1/referrals/{UUID(int=2)}"
    assert (await hospital.get(ONE)).json()["allowed_actions"] == ["seen", "accept", "decline", "cancel", "withdraw"]
    assert (await hospital.get(two)).json()["allowed_actions"] == ["cancel", "withdraw"]
    refused = await hospital.post(f"{two}/accept")
    assert (await problem(refused))[:2] == (409, "illegal_transition")
    await post(hospital, "accept")
    withdrawn = await hospital.post(f"{two}/withdraw")
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "cancelled")
    assert withdrawn.json()["history"][-1]["actor"] == "polyclinic:near/center-1"
    cancelled = await post(hospital, "cancel", reason="other")
    history = cancelled["history"]
    assert isinstance(history, list)
    assert [one["actor"] for one in history[1:]] == ["center:near/center-1", "polyclinic:near/center-1"]


ACTING = [
    (("admin", "center"), "accept", {}, "center:near"),
    (("operator", "center"), "cancel", {"reason": "other"}, "operator:"),
    (("admin", "operator"), "cancel", {"reason": "other"}, "operator:"),
    (("admin", "polyclinic"), "accept", {}, "admin:"),
]


@pytest.mark.parametrize(("roles", "command", "body", "actor"), ACTING)
async def test_the_history_names_the_role_that_authorized_the_act(
    offered: Country, client: Client, roles: tuple[str, ...], command: str, body: dict[str, object], actor: str
) -> None:
    story = await post(client(*roles, org="near"), command, **body)
    assert story["history"][-1]["actor"].startswith(actor)  # type: ignore[index]
