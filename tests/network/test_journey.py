"""A referral's shortest path through the network, by each kind of user."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

pytestmark = pytest.mark.network

CHILD: dict[str, Any] = {
    "child": {"full_name": "Aruzhan Made-Up", "birth_date": "2026-11-01", "sex": "female"},
    "guardian": {"full_name": "Gulnara Made-Up", "phone": "+77000000001"},
    "diagnosis": {"icd10": "G80.1"},
    "settlement_id": "1526273",
    "modalities": ["inpatient", "day_stay", "outpatient"],
}


def _client(country: RunningNetwork, part: str, role: str, org: str = "") -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=country.url(part), headers=country.headers(role, org), timeout=20)


async def _story(http: httpx2.AsyncClient, referral_id: str) -> dict[str, Any] | None:
    answer = await http.get(f"/v1/referrals/{referral_id}")
    return dict(answer.json()) if answer.is_success else None


async def test_a_child_is_submitted_offered_declined_offered_elsewhere_and_accepted(country: RunningNetwork) -> None:
    async with _client(country, "intake", "polyclinic", POLYCLINIC) as intake:
        answer = await intake.post("/v1/diagnoses", json=CHILD)
    assert answer.status_code == 201, answer.text
    referral_id = answer.json()["referral_id"]

    async with _client(country, "referral", "operator") as operator:
        story = await eventually(lambda: _story(operator, referral_id), "the child is offered to a center")
        first = story["offers"][0]
        nearest = story["decision"]["candidates"][0]
        assert (first["kilometers"], story["state"]) == (nearest["kilometers"], "offered")

        async with _client(country, "referral", "center", first["center_id"]) as center:
            seen = await center.post(f"/v1/referrals/{referral_id}/seen")
            assert seen.json()["offers"][0]["state"] == "seen"
            declined = await center.post(f"/v1/referrals/{referral_id}/decline", json={"reason": "no_capacity"})
            assert declined.is_success, declined.text

        async def offered_elsewhere() -> dict[str, Any] | None:
            now = await _story(operator, referral_id)
            return now if now and len(now["offers"]) == 2 else None

        story = await eventually(offered_elsewhere, "the child is offered to the next center")
        second = story["offers"][1]
        assert second["programme_id"] != first["programme_id"]
        assert second["kilometers"] >= first["kilometers"]

        async with _client(country, "referral", "center", second["center_id"]) as center:
            accepted = await center.post(f"/v1/referrals/{referral_id}/accept")
        assert accepted.json()["state"] == "accepted"
        whole = await _story(operator, referral_id)
        assert whole
        assert [step["command"] for step in whole["history"]] == ["offer", "seen", "decline", "offer", "accept"]


async def test_a_second_open_referral_of_a_child_is_refused_and_the_first_is_named(country: RunningNetwork) -> None:
    body = next(one for one in submissions(20, seed=99) if one["child"].get("iin"))
    async with _client(country, "intake", "polyclinic", POLYCLINIC) as intake:
        first = await intake.post("/v1/diagnoses", json=body)
        second = await intake.post("/v1/diagnoses", json=body)
    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json()["code"] == "open_referral_exists"
    assert second.json()["referral_id"] == first.json()["referral_id"]


async def test_the_feed_shows_children_offered_and_resumes_where_it_was_cut(country: RunningNetwork) -> None:
    seen: list[tuple[str, str]] = []
    connected = asyncio.Event()

    async def follow(last: str | None, enough: Callable[[set[str]], bool]) -> None:
        headers = country.headers("operator") | ({"Last-Event-ID": last} if last else {})
        async with (
            httpx2.AsyncClient(base_url=country.url("capacity"), headers=headers, timeout=30) as http,
            http.stream("GET", "/v1/capacity/feed") as stream,
        ):
            connected.set()
            event_id = ""
            async for line in stream.aiter_lines():
                if line.startswith("id:"):
                    event_id = line[3:].strip()
                if line.startswith("data:") and (referral := json.loads(line[5:]).get("referral_id")):
                    seen.append((event_id, referral))
                    if enough({one for _, one in seen}):
                        return

    reading = asyncio.create_task(follow(None, bool))
    await asyncio.wait_for(connected.wait(), 30)
    children = await submit_all(country, submissions(4, seed=501))
    await asyncio.wait_for(reading, 30)
    await asyncio.wait_for(follow(seen[-1][0], set(children).issubset), 30)
    assert len({event_id for event_id, _ in seen}) == len(seen), "an event came twice"
