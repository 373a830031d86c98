"""The whole life of referrals on a running network: a place goes from child to child."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from tests.support.children import POLYCLINIC, submissions
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

pytestmark = pytest.mark.network

CENTER, PROGRAMME = "center-of-one-place", "one-place"
VILLAGE = {"settlement_id": "1524245", "region_id": "KZ-10", "latitude": 49.33009, "longitude": 81.57275}
"""No center of the country is within a kilometer of it."""
ENTRY: dict[str, Any] = {
    "name_kk": "Орталық", "name_ru": "Центр", "name_en": "Center", **VILLAGE,
    "programmes": [{
        "id": PROGRAMME, "modality": "inpatient", "age_from_months": 0, "age_under_months": 216,
        "icd10_prefixes": ["G80"], "catchment": "nation", "course_days": 21,
    }],
}  # fmt: skip
NEARBY = {
    "settlement_id": "1524245",
    "modalities": ["inpatient"],
    "max_distance_km": 1,
    "diagnosis": {"icd10": "G80.1"},
}


@dataclass
class Village:
    """A client for each kind of user."""

    clients: dict[str, httpx2.AsyncClient] = field(default_factory=dict)

    async def submit(self, number: int) -> str:
        body = submissions(number, seed=601)[-1] | NEARBY
        answer = await self.clients["intake"].post("/v1/diagnoses", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["referral_id"])

    async def story(self, id: str) -> dict[str, Any]:
        answer = await self.clients["operator"].get(f"/v1/referrals/{id}")
        return answer.json() if answer.is_success else {"state": answer.status_code}

    async def becomes(self, id: str, state: str) -> dict[str, Any]:
        async def is_so() -> dict[str, Any] | None:
            story = await self.story(id)
            return story if story["state"] == state else None

        return await eventually(is_so, f"{id} is {state}")

    async def act(self, who: str, id: str, command: str, **body: str) -> dict[str, Any]:
        answer = await self.clients[who].post(f"/v1/referrals/{id}/{command}", json=body)
        assert answer.is_success, answer.text
        story: dict[str, Any] = answer.json()
        return story

    async def listed(self, worklist: str) -> list[str]:
        answer = await self.clients["center"].get(f"/v1/worklists/{worklist}")
        ids = [one["id"] for one in answer.json()["items"]]
        assert answer.headers["x-total-count"] == str(len(ids))
        return ids

    async def figures(self) -> dict[str, int]:
        answer = await self.clients["operator-of-capacity"].get(f"/v1/capacity/{CENTER}")
        [one] = answer.json()["items"]
        return {name: one[name] for name in ("places", "free", "held", "occupied", "waiting")}


async def _open(country: RunningNetwork, stack: AsyncExitStack) -> Village:
    users = {
        "intake": ("intake", "polyclinic", POLYCLINIC),
        "polyclinic": ("referral", "polyclinic", POLYCLINIC),
        "center": ("referral", "center", CENTER),
        "operator": ("referral", "operator", ""),
        "operator-of-capacity": ("capacity", "operator", ""),
    }
    village = Village()
    for user, (part, role, org) in users.items():
        client = httpx2.AsyncClient(base_url=country.url(part), headers=country.headers(role, org), timeout=20)
        village.clients[user] = await stack.enter_async_context(client)
    answer = await village.clients["operator"].put(f"/v1/centers/{CENTER}", json=ENTRY)
    assert answer.is_success, answer.text
    answer = await village.clients["center"].put(
        f"/v1/centers/{CENTER}/programmes/{PROGRAMME}/places", json={"places": 1}
    )
    assert answer.is_success, answer.text

    async def is_open() -> bool:
        found = await village.clients["operator-of-capacity"].get(f"/v1/capacity/{CENTER}")
        return found.is_success and found.json()["items"][0]["places"] == 1

    await eventually(is_open, "capacity has the center's figure")
    return village


async def test_a_place_goes_from_child_to_child_through_all_of_life(country: RunningNetwork) -> None:
    async with AsyncExitStack() as stack:
        village = await _open(country, stack)
        first = await village.submit(1)
        await village.becomes(first, "offered")
        second = await village.submit(2)
        await village.becomes(second, "waiting")
        assert await village.listed("to-answer") == [first]

        await village.act("center", first, "accept")
        assert await village.listed("to-admit") == [first]
        await village.act("center", first, "admit")
        assert await village.listed("in-care") == [first]
        assert await eventually(lambda: _counts(village, occupied=1, held=0, waiting=1), "the place is occupied")

        done = await village.act("center", first, "discharge", outcome="improved")
        assert (done["state"], done["owner"], done["allowed_actions"]) == ("completed", None, [])
        await village.becomes(second, "offered")

        await village.act("center", second, "accept")
        await village.act("center", second, "no-show", reason="no_transport")
        assert (await village.story(second))["owner"] == "polyclinic"
        assert await eventually(lambda: _counts(village, free=1, held=0), "the place is free again")
        await village.act("polyclinic", second, "offer-again")
        await village.becomes(second, "offered")

        await village.act("polyclinic", second, "withdraw", note_id="01937e5a-7b3c-7c2a-9d4e-000000000001")
        assert await eventually(lambda: _counts(village, free=1, held=0, occupied=0, waiting=0), "the place is free")
        story = await village.story(second)
        assert [one["command"] for one in story["history"]] == [
            "wait", "hand_over", "accept", "no_show", "offer_again", "offer", "withdraw",
        ]  # fmt: skip
        assert [one["state"] for one in story["offers"]] == ["missed", "withdrawn"]
        refused = await village.clients["center"].post(f"/v1/referrals/{second}/accept")
        assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")


async def _counts(village: Village, **wanted: int) -> bool:
    figures = await village.figures()
    return {name: figures[name] for name in wanted} == wanted
