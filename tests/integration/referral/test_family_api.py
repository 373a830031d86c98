"""`GET /v1/family/{referral_id}`, for intake: what a family is told of its referral."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from tests.integration.referral.country import Country

Client = Callable[..., httpx2.AsyncClient]


@pytest.fixture(autouse=True)
def on_the_country(country: Country, api: FastAPI) -> None:
    """The API serves the country, on its clock and its capacity."""
    api.state.service = country.service


async def told(client: Client, number: int) -> dict[str, Any]:
    answer = await client("intake-api").get(f"/v1/family/{UUID(int=number)}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_family_is_told_the_center_and_the_day_while_they_are_its(country: Country, client: Client) -> None:
    await country.open("near")
    await country.submit(1)
    offered = await told(client, 1)
    assert (offered["state"], offered["center"]["id"], offered["admit_on"]) == ("offered", "near", None)
    assert offered["answer_by"] is not None, "until then the center answers"
    path, near = f"/v1/referrals/{UUID(int=1)}", client("center", org="near")
    accepted = (await near.post(f"{path}/accept", json={})).json()
    now = await told(client, 1)
    assert (now["state"], now["admit_on"], now["answer_by"]) == ("accepted", accepted["admit_on"], None)
    await near.post(f"{path}/admit", json={})
    await near.post(f"{path}/discharge", json={"outcome": "improved"})
    ended = await told(client, 1)
    assert (ended["state"], ended["center"]) == ("completed", None)


async def test_a_family_that_waits_is_told_its_place_as_the_polyclinic_is(country: Country, client: Client) -> None:
    await country.open("near")
    await country.submit(1)
    await country.submit(2)
    found = await told(client, 2)
    story = (await client("polyclinic", org="p1").get(f"/v1/referrals/{UUID(int=2)}")).json()
    (queue,) = found["queues"]
    (same,) = story["forecast"]["queues"]
    names = ("position", "length", "places", "course_days", "estimated_on")
    assert [queue[name] for name in names] == [same[name] for name in names]
    assert (queue["position"], queue["center"]["id"], found["state"]) == (1, "near", "waiting")
    assert found["estimated_on"] == story["forecast"]["estimated_on"]
    assert "icd10" not in str(found), "no diagnosis"


async def test_what_is_not_in_the_record_is_not_routed_yet(client: Client) -> None:
    assert (await told(client, 9))["state"] == "submitted"


async def test_only_intake_asks(country: Country, client: Client) -> None:
    path = f"/v1/family/{UUID(int=1)}"
    for role in ("operator", "polyclinic", "center", "admin", "console", "referral-worker"):
        assert (await client(role, org="near").get(path)).status_code == 403, role
