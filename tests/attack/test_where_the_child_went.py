"""A center that declined does not learn where the child went: from its feed, lists, stories, filters, forecasts."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from services.contracts.vocabulary import ReferralState
from tests.support.children import submissions, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

DECLINES = 14


def client(country: RunningNetwork, part: str, role: str, org: str = "") -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=country.url(part), headers=country.headers(role, org), timeout=30)


async def held(http: httpx2.AsyncClient) -> dict[str, int]:
    items = (await http.get("/v1/capacity", params={"limit": 1000})).json()["items"]
    return {one["programme_id"]: one["held"] + one["occupied"] for one in items}


class Spy:
    """What a center's feed tells of other centers while it is followed."""

    def __init__(self, country: RunningNetwork, org: str) -> None:
        self._http, self._org, self.told = client(country, "capacity", "center", org), org, list[dict[str, Any]]()
        self._opened = asyncio.Event()

    async def __aenter__(self) -> "Spy":
        self._task = asyncio.create_task(self._run())
        await asyncio.wait_for(self._opened.wait(), 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._http.aclose()

    async def _run(self) -> None:
        async with self._http.stream("GET", "/v1/capacity/feed") as answer:
            async for line in answer.aiter_lines():
                self._opened.set()
                if line.startswith("data: {") and (data := json.loads(line[6:])):
                    if data.get("center_id") != self._org or "programme_ids" in data or "left" in data:
                        self.told.append(data)


def grown(before: dict[str, int], after: dict[str, int], own: str) -> list[str]:
    return [id for id, count in after.items() if count > before.get(id, 0) and not id.startswith(f"{own}")]


async def decline(country: RunningNetwork, operator: httpx2.AsyncClient, one: dict[str, Any]) -> dict[str, Any]:
    """Decline it as its center; the story when the child is with another, or waits for one."""
    async with client(country, "referral", "center", one["center_id"]) as center:
        answer = await center.post(f"/v1/referrals/{one['id']}/decline", json={"reason": "no_capacity"})
        assert answer.status_code == 200, answer.text

    async def elsewhere() -> dict[str, Any] | None:
        story: dict[str, Any] = (await operator.get(f"/v1/referrals/{one['id']}")).json()
        return story if story["version"] > one["version"] + 1 and story["state"] != "submitted" else None

    return await eventually(elsewhere, "the child is routed again", within=30)


@pytest.mark.timeout(240)
async def test_fourteen_declines_and_not_one_destination_is_learned(country: RunningNetwork) -> None:
    wishes = {"modalities": ["inpatient", "day_stay", "outpatient", "home_care"], "max_distance_km": None}
    ids = await submit_all(country, [one | wishes for one in submissions(2 * DECLINES, seed=1414)])
    right, declined = {"operator": 0, "center": 0}, 0
    async with client(country, "referral", "operator") as operator, client(country, "capacity", "operator") as all_see:
        for id in ids:

            async def offered(id: str = id) -> dict[str, Any] | None:
                answer = await operator.get(f"/v1/referrals/{id}")
                story: dict[str, Any] = answer.json() if answer.is_success else {}
                return story if story.get("state", "submitted") != "submitted" else None

            one = await eventually(offered, "the child is routed", within=30)
            if one["state"] != "offered":
                continue
            own = one["center_id"]
            async with Spy(country, own) as spy, client(country, "capacity", "center", own) as center:
                before = await held(all_see), await held(center)
                story = await decline(country, operator, one)
                if story["state"] != "offered":
                    continue
                declined += 1
                after = await held(all_see), await held(center)
                await asyncio.sleep(0.2)
                for name, old, new in zip(right, before, after, strict=True):
                    right[name] += grown(old, new, own) == [story["programme_id"]]
                told = {data.get("programme_id") for data in spy.told}
                assert story["programme_id"] not in told or len(told) >= 5, "one child alone is never published"
            await assert_own_part_only(country, one, story)
            if declined == DECLINES:
                break
    assert declined == DECLINES
    assert right["operator"] >= DECLINES / 2, "the attack would work on figures as they are"
    assert right["center"] == 0


async def assert_own_part_only(country: RunningNetwork, one: dict[str, Any], now: dict[str, Any]) -> None:
    """What the center still reads of the child names nobody else, and nothing about the child."""
    own = one["center_id"]
    if now["center_id"] == own:  # at another programme of the same center
        return
    async with client(country, "referral", "center", own) as center:
        answer = await center.get(f"/v1/referrals/{one['id']}")
        listed = (await center.get("/v1/referrals", params={"limit": 500})).json()["items"]
        for part in (answer.json(), next(part for part in listed if part["id"] == one["id"])):
            assert part["state"] == "submitted"
            for name in ("icd10", "gmfcs", "settlement_id", "region_id", "age_months", "child_id", "center_id"):
                assert part[name] is None, name
            assert f'"{now["center_id"]}"' not in json.dumps(part)
        assert answer.headers["etag"] == '"2"'
        for state in ReferralState:
            found = (await center.get("/v1/referrals", params={"status": state.value, "limit": 500})).json()["items"]
            assert one["id"] not in {part["id"] for part in found}
        forecast = await center.get("/v1/forecast", params={"center_id": now["center_id"]})
        assert forecast.status_code == 403
