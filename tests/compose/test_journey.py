"""Referrals through the composed network, also while its parts are killed."""

import json
from typing import Any

from tests.compose.composed import POLYCLINIC, Composed, pages
from tests.support.eventually import eventually

ROUTED = {"offered", "waiting", "unplaceable", "accepted"}


async def routed(composed: Composed, ids: set[str]) -> dict[str, dict[str, Any]]:
    """The referrals `ids`, once each of them is routed."""

    async def found() -> dict[str, dict[str, Any]] | None:
        async with composed.client("referral", "operator") as http:
            listed = [one async for one in pages(http, "/v1/referrals", polyclinic_id=POLYCLINIC)]
        mine = {one["id"]: one for one in listed if one["id"] in ids and one["state"] in ROUTED}
        return mine if len(mine) == len(ids) else None

    return await eventually(found, f"{len(ids)} children are routed", within=120)


async def story(composed: Composed, referral_id: str) -> dict[str, Any]:
    async with composed.client("referral", "operator") as http:
        answer = await http.get(f"/v1/referrals/{referral_id}")
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def answer_offer(composed: Composed, offer: dict[str, Any], referral_id: str, verb: str, body: Any) -> None:
    async with composed.client("referral", "center", offer["center_id"]) as http:
        answer = await http.post(f"/v1/referrals/{referral_id}/{verb}", json=body)
    assert answer.is_success, answer.text


async def check_places(composed: Composed) -> None:
    """Places are conserved, and each held one belongs to one referral."""

    async def agree() -> bool:
        async with composed.client("capacity", "operator") as http:
            programmes = [one async for one in pages(http, "/v1/capacity")]
        async with composed.client("referral", "operator") as http:
            states = [one["state"] async for one in pages(http, "/v1/referrals")]
        assert all(one["places"] == one["free"] + one["held"] + one["occupied"] for one in programmes), programmes
        return bool(sum(one["held"] for one in programmes) == sum(one in {"offered", "accepted"} for one in states))

    await eventually(agree, "as many places are held as children have an offer", within=30)


async def test_children_are_offered_a_center_declines_and_the_next_accepts(composed: Composed) -> None:
    ids = composed.submit(40, seed=7)
    found = await routed(composed, ids)
    offered = [id for id, one in found.items() if one["state"] == "offered"]
    assert offered, {one["state"] for one in found.values()}
    for id in offered:
        referral = await story(composed, id)
        if len(referral["decision"]["candidates"]) > 1:
            break
    first = referral["offers"][0]
    await answer_offer(composed, first, id, "decline", {"reason": "no_capacity"})

    async def rerouted() -> dict[str, Any] | None:
        now = await story(composed, id)
        return now if now["state"] == "waiting" or len(now["offers"]) == 2 else None

    referral = await eventually(rerouted, "the declined child is rerouted")
    assert referral["state"] == "offered", referral
    assert referral["offers"][1]["programme_id"] != first["programme_id"]
    await answer_offer(composed, referral["offers"][1], id, "accept", None)
    assert (await story(composed, id))["state"] == "accepted"
    await check_places(composed)


async def test_the_feed_resumes_after_the_last_event_that_was_seen(composed: Composed) -> None:
    async with composed.client("capacity", "operator") as http:
        before = (await http.get("/v1/capacity")).json()["last_event_id"]
        ids = composed.submit(5, seed=8)
        found = await routed(composed, ids)
        placed = {id for id, one in found.items() if one["state"] != "unplaceable"}
        seen: set[str] = set()
        async with http.stream("GET", "/v1/capacity/feed", headers={"Last-Event-ID": before}) as feed:
            async for line in feed.aiter_lines():
                if line.startswith("data:"):
                    seen |= {str(json.loads(line[5:]).get("referral_id"))} & ids
                if seen == placed:
                    break
    assert placed, "nobody was placed, so the feed has no event"
    assert seen == placed


async def test_a_killed_worker_comes_back_by_itself_and_routes_what_came_meanwhile(composed: Composed) -> None:
    restarts = composed.inspect("referral-worker")["RestartCount"]
    composed.kill_process("referral-worker")
    await routed(composed, composed.submit(40, seed=9))
    assert composed.inspect("referral-worker")["RestartCount"] > restarts
    await eventually(lambda: composed.health("referral-worker") == "healthy", "the worker is healthy", within=60)
    await check_places(composed)


async def test_what_is_submitted_while_kafka_is_down_is_routed_when_it_is_back(composed: Composed) -> None:
    composed.compose("kill", "kafka")
    ids = composed.submit(40, seed=10)
    composed.compose("start", "kafka")
    await routed(composed, ids)
    await check_places(composed)


async def test_what_was_claimed_is_still_claimed_after_redis_was_killed(composed: Composed) -> None:
    await check_places(composed)
    composed.compose("kill", "redis")
    composed.compose("start", "redis")
    await eventually(lambda: composed.health("redis") == "healthy", "Redis is healthy", within=60)
    await routed(composed, composed.submit(20, seed=11))
    await check_places(composed)
