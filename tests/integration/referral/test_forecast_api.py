"""`/v1/forecast`, and the forecast in a waiting referral's story, over the real capacity."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from services.contracts.days import day_of
from services.kit.http.pages import write_cursor
from services.kit.http.service_token import TokenFile
from services.kit.kept import KeptByKey
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.adapters.http_queue_positions import HttpQueuePositions
from services.referral.adapters.sql_supply import SqlSupplies
from services.referral.domain.life import Command
from services.referral.handlers.all_supplies import KeptSupplies
from tests.integration.referral.country import Country, problem, programme_body
from tests.unit.referral.samples import NOW

Client = Callable[..., httpx2.AsyncClient]
TODAY = day_of(NOW)


def day(number: int) -> str:
    return str(TODAY + timedelta(number))


@pytest.fixture(autouse=True)
def on_the_country(country: Country, api: FastAPI) -> None:
    """The API serves the country, on its clock and its capacity."""
    api.state.service = country.service


async def story(reader: httpx2.AsyncClient, number: int) -> dict[str, Any]:
    answer = await reader.get(f"/v1/referrals/{UUID(int=number)}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def listed(reader: httpx2.AsyncClient, **query: str) -> dict[str, dict[str, Any]]:
    answer = await reader.get("/v1/forecast", params=query)
    assert answer.status_code == 200, answer.text
    return {one["programme_id"]: one for one in answer.json()["items"]}


@pytest.fixture
async def waiting(country: Country) -> Country:
    """`near` (21 days) has child 1 in care since a week, `far` (14 days) has accepted child 2; 3, 4 and 5 wait."""
    await country.open("near")
    await country.register("far", programme_body("far", 1, course_days=14), settlement="far")
    await country.deliver()
    await country.submit(1, 2)
    await country.admit(1)
    await country.pass_time(days=1)
    await country.accept(2, admit_on=TODAY + timedelta(10))
    await country.deliver()
    country.clock.now = NOW + timedelta(days=7)
    await country.submit(3, 4, 5)
    return country


async def test_a_waiting_referral_shows_its_positions_and_the_earliest_date(waiting: Country, client: Client) -> None:
    found = await story(client("polyclinic", org="p1"), 4)
    assert found["forecast_missing"] is None
    forecast = found["forecast"]
    near, far = forecast["queues"]
    # Child 3 takes the place at near on day 21; it is free again 31 days later.
    assert near == {
        "programme_id": "near", "center_id": "near", "center_name": "Center", "position": 2, "length": 3,
        "places": 1, "in_use": 1, "free": 0, "course_days": 21, "next_free": [{"on": day(21), "places": 1}],
        "estimated_on": day(21 + 31), "reason": None,
    }  # fmt: skip
    assert (far["position"], far["estimated_on"]) == (2, day(10 + 3 + 14 + 21))
    assert forecast["estimated_on"] == far["estimated_on"]
    assert (forecast["programme_id"], forecast["answer_days"], forecast["admit_days"]) == ("far", 3, 7)


async def test_a_position_and_its_date_come_nearer_when_somebody_in_front_leaves(
    waiting: Country, client: Client
) -> None:
    operator = client("operator")
    before = (await story(operator, 4))["forecast"]
    await waiting.act(3, Command.CANCEL, "other")
    await waiting.deliver()
    after = (await story(operator, 4))["forecast"]
    assert [one["position"] for one in after["queues"]] == [1, 1]
    assert (before["estimated_on"], after["estimated_on"]) == (day(48), day(21))


async def test_a_referral_that_does_not_wait_has_no_forecast(waiting: Country, client: Client) -> None:
    for number in (1, 2):
        found = await story(client("operator"), number)
        assert (found["forecast"], found["forecast_missing"]) == (None, None)


async def test_a_programme_without_a_date_has_the_reason(waiting: Country, client: Client) -> None:
    await waiting.set_places("near", 1, suspended=True)
    await waiting.set_places("far", 0)
    await waiting.deliver()
    forecast = (await story(client("operator"), 3))["forecast"]
    assert [(one["estimated_on"], one["reason"]) for one in forecast["queues"]] == [
        (None, "suspended"), (None, "no_places"),
    ]  # fmt: skip
    assert (forecast["estimated_on"], forecast["programme_id"]) == (None, None)


async def test_a_center_whose_offer_has_ended_sees_no_forecast(waiting: Country, client: Client) -> None:
    await waiting.decline(2)
    await waiting.deliver()
    found = await story(client("center", org="far"), 2)
    assert (found["state"], found["forecast"], found["forecast_missing"]) == ("submitted", None, None)
    assert [one["center_id"] for one in (await story(client("operator"), 2))["forecast"]["queues"]] == ["near"]


async def test_a_polyclinic_sees_the_use_of_places_as_it_was_published(waiting: Country, client: Client) -> None:
    polyclinic, operator = client("polyclinic", org="p1"), client("operator")
    waiting.clock.now += timedelta(hours=1)  # the figures are stale from now on
    before = await listed(polyclinic)
    await waiting.decline(2)
    await waiting.deliver()
    await waiting.pass_time(minutes=5)
    assert await listed(operator) != before
    assert await listed(polyclinic) == before, "of one center alone: it would show where a child went"
    forecast = (await story(polyclinic, 4))["forecast"]
    assert {one["programme_id"]: one["in_use"] for one in forecast["queues"]}.items() <= {
        name: one["in_use"] for name, one in before.items()
    }.items()
    waiting.service.published_forecast.supplies.centers = 1  # type: ignore[attr-defined]
    await waiting.pass_time(minutes=5)
    assert await listed(polyclinic) == await listed(operator)


@pytest.fixture
async def away(country: Country, api: FastAPI) -> AsyncIterator[Callable[[httpx2.Response | Exception], None]]:
    """`away(answer)`: capacity answers that from now on, or fails so."""
    opened: list[httpx2.AsyncClient] = []

    def change(answer: httpx2.Response | Exception) -> None:
        def give(_: httpx2.Request) -> httpx2.Response:
            if isinstance(answer, Exception):
                raise answer
            return answer

        opened.append(httpx2.AsyncClient(transport=httpx2.MockTransport(give), base_url="http://capacity"))
        queues = HttpQueuePositions(HttpCapacity(opened[-1], TokenFile(None)))
        forecast = replace(country.service.forecast, queues=queues)
        api.state.service = replace(country.service, forecast=forecast)

    yield change
    for one in opened:
        await one.aclose()


MISSING: list[tuple[httpx2.Response | Exception, str]] = [
    (httpx2.ConnectError("refused"), "capacity_unreachable"),
    (httpx2.ReadTimeout("slow"), "capacity_unreachable"),
    (httpx2.Response(503, json={"code": "rebuilding"}), "rebuilding"),
    (httpx2.Response(500, json={"code": "internal"}), "capacity_unreachable"),
    (httpx2.Response(200, text="hello"), "capacity_unreachable"),
    (httpx2.Response(502, text="<html>"), "capacity_unreachable"),
]


async def test_without_capacity_the_story_is_shown_all_the_same(
    waiting: Country, client: Client, away: Callable[[httpx2.Response | Exception], None]
) -> None:
    for answer, why in MISSING:
        away(answer)
        found = await story(client("operator"), 3)
        assert (found["state"], found["forecast"], found["forecast_missing"]) == ("waiting", None, why)
        assert found["decision"]["candidates"]
        page = (await client("operator").get("/v1/forecast")).json()
        assert page["waiting_missing"] == why
        assert [(one["waiting"], one["for_new_child"]) for one in page["items"]] == [(None, None)] * 2
        assert [len(one["next_free"]) for one in page["items"]] == [1, 1]


async def test_a_place_that_is_just_being_handed_over_is_no_queue(waiting: Country, client: Client) -> None:
    await waiting.set_places("near", 2)
    found = await story(client("operator"), 3)
    assert (found["state"], found["forecast"], found["forecast_missing"]) == ("waiting", None, "not_queued")
    await waiting.deliver()
    assert (await story(client("operator"), 3))["state"] == "offered"


async def test_programmes_have_their_next_free_dates(waiting: Country, client: Client) -> None:
    await waiting.open("empty", places=2, catchment="settlement")
    found = await listed(client("polyclinic", org="p1"))
    assert list(found) == ["empty", "far", "near"]
    near = found["near"]
    assert near["next_free"] == [{"on": day(21), "places": 1}]
    assert [near[name] for name in ("places", "in_use", "free", "waiting", "course_days", "suspended")] == [
        1, 1, 0, 3, 21, False,
    ]  # fmt: skip
    assert near["for_new_child"] == day(21 + 3 * 31)
    assert found["far"]["next_free"] == [{"on": day(24), "places": 1}]
    assert (found["empty"]["next_free"], found["empty"]["for_new_child"]) == ([{"on": day(7), "places": 2}], day(7))


async def test_an_open_offer_counts_as_taken(country: Country, client: Client) -> None:
    await country.open("near")
    await country.submit(1)
    assert (await listed(client("operator")))["near"]["next_free"] == [{"on": day(3 + 7 + 21), "places": 1}]


async def test_forecasts_are_kept_for_their_time(waiting: Country, api: FastAPI, client: Client) -> None:
    service, second = waiting.service, timedelta(seconds=1)
    kept = replace(service.forecast, supplies=KeptSupplies(SqlSupplies(service.database), waiting.clock, second))
    api.state.service = replace(service, forecast=kept, forecast_pages=KeptByKey(waiting.clock, second))
    operator = client("operator")
    before, told = await listed(operator), (await story(operator, 4))["forecast"]
    await waiting.set_places("near", 0)
    await waiting.deliver()
    assert await listed(operator) == before
    assert (await story(operator, 4))["forecast"] == told
    assert list(await listed(operator, programme_id="far")) == ["far"], "other programmes are another page"
    waiting.clock.now += second
    assert (await listed(operator))["near"]["places"] == 0
    assert (await story(operator, 4))["forecast"]["queues"][0]["reason"] == "no_places"


async def test_forecasts_are_narrowed_and_paged(waiting: Country, client: Client) -> None:
    operator = client("operator")
    assert list(await listed(operator, center_id="far")) == ["far"]
    assert list(await listed(operator, region="KZ-10")) == ["near"]
    assert list(await listed(operator, region="KZ-10", center_id="far")) == []
    assert list(await listed(operator, programme_id="far")) == ["far"]
    first = (await operator.get("/v1/forecast", params={"limit": 1})).json()
    rest = (await operator.get("/v1/forecast", params={"limit": 1, "cursor": first["next"]})).json()
    assert [page["items"][0]["programme_id"] for page in (first, rest)] == ["far", "near"]
    assert (rest["next"], rest["waiting_missing"]) == (None, None)
    strange = await operator.get("/v1/forecast", params={"cursor": write_cursor(5)})
    assert await problem(strange) == (422, "invalid_cursor", ["cursor"])


async def test_a_center_sees_its_own_programmes(waiting: Country, client: Client) -> None:
    for query in ({}, {"center_id": "far"}):
        assert list(await listed(client("center", org="far"), **query)) == ["far"]
    other = await client("center", org="far").get("/v1/forecast", params={"center_id": "near"})
    assert await problem(other) == (403, "forbidden", [])
    assert (await problem(await client("center").get("/v1/forecast")))[:2] == (403, "forbidden")
    assert (await problem(await client("cook").get("/v1/forecast")))[:2] == (403, "forbidden")
