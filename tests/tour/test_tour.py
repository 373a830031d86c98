"""A tour of the system in ten steps, from a submission to a rebuilt Redis. Read from the top; each step goes on where
the one before has ended.

The country is small: one center in Almaty with one place, one in Astana with one, and children who live in Almaty.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.contracts.events import DiagnosisRecordedV1, OfferDeclinedV1, PlaceHandedOverV1, PlaceHeldV1
from services.contracts.vocabulary import Priority
from services.referral.bootstrap import utc_now
from services.referral.domain.life import Command
from tests.tour.network import ALMATY, ASTANA, Network

pytestmark = pytest.mark.asyncio(loop_scope="module")
FIRST, SECOND, THIRD = 1, 2, 3
ids: dict[int, str] = {}
"""The referrals of the three children, by number."""


def entry(settlement_id: str, region_id: str, latitude: float, longitude: float, programme_id: str) -> dict[str, Any]:
    """A center with one programme: day stay, every age, cerebral palsy, children from the whole nation."""
    programme = {
        "id": programme_id, "modality": "day_stay", "age_from_months": 0, "age_under_months": 216,
        "icd10_prefixes": ["G80"], "catchment": "nation", "course_days": 21,
    }  # fmt: skip
    return {
        "name_kk": "Орталық", "name_ru": "Центр", "name_en": "Center", "region_id": region_id,
        "settlement_id": settlement_id, "latitude": latitude, "longitude": longitude, "programmes": [programme],
    }  # fmt: skip


async def test_01_an_operator_registers_centers_and_these_set_their_figures(network: Network) -> None:
    operator = await network.client("referral", "operator")
    for id, body in (
        ("almaty", entry(ALMATY, "KZ-75", 43.25, 76.91, "almaty-day")),
        ("astana", entry(ASTANA, "KZ-71", 51.18, 71.45, "astana-day")),
    ):
        assert (await operator.put(f"/v1/centers/{id}", json=body)).status_code == 200
        center = await network.client("referral", "center", id)
        figure = await center.put(f"/v1/centers/{id}/programmes/{id}-day/places", json={"places": 1})
        assert (figure.status_code, figure.json()["version"]) == (200, 1)
    await network.deliver()  # the worker opens the programmes at capacity, and applies the figures
    capacity = await network.client("capacity", "operator")
    figures = (await capacity.get("/v1/capacity")).json()["items"]
    assert [(one["programme_id"], one["places"], one["free"]) for one in figures] == [
        ("almaty-day", 1, 1), ("astana-day", 1, 1),
    ]  # fmt: skip


async def test_02_a_polyclinic_submits_a_child_and_intake_records_it_with_its_event(network: Network) -> None:
    ids[FIRST] = await network.submit(FIRST)
    (event,) = await network.new_events()  # in the outbox since the same commit; the relay publishes it
    assert isinstance(event.data, DiagnosisRecordedV1)
    assert str(event.data.referral_id) == ids[FIRST]
    assert "Үлгі" not in event.data.model_dump_json(), "no personal data leaves intake"
    assert event.data.priority is Priority.ROUTINE
    await network.worker.reactions("tour", [event])


async def test_03_the_worker_claims_the_nearest_free_place_and_makes_an_offer(network: Network) -> None:
    story = await network.referral(ids[FIRST])
    assert (story["state"], story["center_id"], story["owner"]) == ("offered", "almaty", "center:almaty")
    assert any(isinstance(one.data, PlaceHeldV1) for one in await network.deliver())


async def test_04_everyone_can_see_why_this_center(network: Network) -> None:
    nearest, other = (await network.referral(ids[FIRST]))["decision"]["candidates"]
    assert (nearest["center_id"], nearest["free"], nearest["chosen"]) == ("almaty", 1, True)
    assert (other["center_id"], other["free"], other["chosen"]) == ("astana", 1, False)
    assert nearest["kilometers"] < 5 < 900 < other["kilometers"] < 1000


async def test_05_children_for_whom_no_place_is_free_wait_in_the_queue_of_each_programme(network: Network) -> None:
    ids[SECOND], ids[THIRD] = await network.submit(SECOND), await network.submit(THIRD)
    await network.deliver()
    assert (await network.referral(ids[SECOND]))["center_id"] == "astana", "the next nearest free place"
    waiting = await network.referral(ids[THIRD])
    assert (waiting["state"], {one["programme_id"] for one in waiting["queues"]}) == (
        "waiting", {"almaty-day", "astana-day"},
    )  # fmt: skip
    assert [one["position"] for one in waiting["forecast"]["queues"]] == [1, 1]


async def test_06_a_decline_sends_the_child_on_and_the_place_to_the_first_in_the_queue(network: Network) -> None:
    declined = await network.answer(ids[SECOND], "decline", "astana", reason="no_capacity")
    assert declined["state"] == "submitted", "with the router, whose next step is the worker's"
    events = [type(one.data) for one in await network.deliver()]
    assert events.index(OfferDeclinedV1) < events.index(PlaceHandedOverV1)
    assert (await network.referral(ids[THIRD]))["center_id"] == "astana"
    second = await network.referral(ids[SECOND])
    assert (second["state"], [one["programme_id"] for one in second["queues"]]) == ("waiting", ["almaty-day"])
    assert second["decision"]["excluded"] == {"declined": ["astana-day"]}


async def test_07_the_center_accepts_and_the_child_comes(network: Network) -> None:
    note = await network.note(ids[FIRST], "almaty", "bring the X-rays")
    accepted = await network.answer(ids[FIRST], "accept", "almaty", note_id=note)
    assert accepted["allowed_actions"] == ["admit", "no-show", "decline"]
    await network.answer(ids[FIRST], "admit", "almaty")
    await network.deliver()
    capacity = await network.client("capacity", "center", "almaty")
    (figure,) = (await capacity.get("/v1/capacity/almaty")).json()["items"]
    assert (figure["held"], figure["occupied"], figure["waiting"]) == (0, 1, 1)


async def test_08_an_offer_that_nobody_answers_expires_by_itself(network: Network) -> None:
    due = datetime.fromisoformat((await network.referral(ids[THIRD]))["deadline_at"])
    network.clock.ahead = due - utc_now() + timedelta(minutes=1)
    assert (await network.worker.sweep(network.clock()) or {}).get(Command.EXPIRE) == 1
    await network.deliver()
    third = await network.referral(ids[THIRD])
    assert [one["state"] for one in third["offers"]] == ["expired"]
    assert third["state"] == "waiting"


async def test_09_redis_is_emptied_and_capacity_is_rebuilt_from_the_record(network: Network) -> None:
    capacity = await network.client("capacity", "operator")
    before = (await capacity.get("/v1/capacity")).json()["items"]
    keys = await network.redis.keys(f"{{{network.prefix}}}:*")
    await network.redis.delete(*keys)
    assert (await capacity.get("/v1/capacity")).json()["code"] == "rebuilding", "nothing is granted meanwhile"
    assert await network.worker.rebuilder.rebuild_if_needed()
    after = (await capacity.get("/v1/capacity")).json()["items"]
    assert after == before, "figures, claims and queues"


async def test_10_the_next_discharge_goes_to_the_first_in_the_queue_as_if_nothing_had_happened(
    network: Network,
) -> None:
    await network.answer(ids[FIRST], "discharge", "almaty", outcome="improved")
    await network.deliver()
    states = {number: (await network.referral(id))["state"] for number, id in ids.items()}
    assert states == {FIRST: "completed", SECOND: "offered", THIRD: "waiting"}, "by rank: SECOND was submitted first"
    history = (await network.referral(ids[SECOND]))["history"]
    assert [one["command"] for one in history] == ["offer", "decline", "wait", "hand_over"]
