"""The API over HTTP: figures, queues and the feed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from time import time

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from services.capacity.ports import Store
from services.kit.http.auth import Principal
from services.kit.http.token_claims import CLOCK_DIFFERENCE
from tests.integration.capacity.api_client import Client, MadeUpTokens, assert_problem, two_centers
from tests.integration.capacity.network import claim, figures, open_programme, opening, referral, story
from tests.support.eventually import eventually


async def test_capacity_is_listed_by_region_modality_and_free_places_in_parts(store: Store, client: Client) -> None:
    await two_centers(store)
    reader = client("operator")

    async def ids(query: str) -> list[str]:
        return [one["programme_id"] for one in (await reader.get(f"/v1/capacity?{query}")).json()["items"]]

    assert await ids("") == ["a", "b", "c"]
    assert await ids("region=KZ-75") == ["b"]
    assert await ids("modality=day_stay&free=1") == ["a"]
    first = (await reader.get("/v1/capacity?limit=2")).json()
    assert [one["programme_id"] for one in first["items"]] == ["a", "b"]
    assert await ids(f"limit=2&cursor={first['next']}") == ["c"]
    last = await store.steps.last()
    assert first["last_event_id"] == str(last)
    assert first["data_version"] == {"epoch": str(last.epoch), "sequence": 3}
    assert (await reader.get("/v1/capacity/center-2")).json()["items"][0]["free"] == 2


async def test_anybody_sees_free_places_in_words_and_no_count(store: Store, app: FastAPI, client: Client) -> None:
    await two_centers(store)
    await open_programme(store, "d", 40, region_id="KZ-75")
    app.state.capacity.figures.latest = None  # a tick may have published amid the opening
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://capacity") as anybody:
        found = (await anybody.get("/v1/public/capacity")).json()["items"]
        region = (await anybody.get("/v1/public/capacity?region=KZ-75")).json()["items"]
    assert {one["programme_id"]: one["free"] for one in found} == {"a": "few", "b": "few", "c": "none", "d": "many"}
    assert [one["programme_id"] for one in region] == ["b", "d"], "of one region"
    assert not {"held", "occupied", "waiting", "version"} & found[0].keys(), "no count of children"


async def test_what_anybody_sees_changes_only_with_what_is_published(
    store: Store, app: FastAPI, client: Client
) -> None:
    await two_centers(store)
    anybody = client("nobody")
    before = (await anybody.get("/v1/public/capacity")).json()
    await claim(store, 1, "a")
    assert (await client("operator").get("/v1/capacity/center-1")).json()["items"][0]["free"] == 0, "the step is made"
    assert (await anybody.get("/v1/public/capacity")).json() == before, "one child alone shows nothing"


@pytest.mark.parametrize(
    ("path", "status", "code", "words"),
    [
        ("/v1/capacity?region=Almaty", 422, "unknown_region", "did you mean KZ-75, Almaty?"),
        (
            "/v1/capacity?region=%D0%90%D0%BB%D0%BC%D0%B0%D1%82%D1%8B",
            422,
            "unknown_region",
            "did you mean KZ-75, Almaty?",
        ),
        ("/v1/capacity?region=", 422, "unknown_region", "there is no region with this id"),
        ("/v1/capacity?region=kz-75", 422, "unknown_region", "did you mean KZ-75, Almaty?"),
        ("/v1/capacity/center2", 404, "unknown_center", "did you mean center-2 or center-1?"),
        ("/v1/queues/aa", 404, "unknown_programme", "did you mean a?"),
    ],
)
async def test_what_does_not_exist_is_refused_with_near_matches(
    store: Store, client: Client, path: str, status: int, code: str, words: str
) -> None:
    await two_centers(store)
    answer = await client("operator").get(path)
    assert_problem(answer, status, code, "region" if status == 422 else None)
    assert words in answer.json()["detail"]


async def test_a_region_without_a_programme_is_an_empty_list(store: Store, client: Client) -> None:
    await two_centers(store)
    answer = await client("operator").get("/v1/capacity?region=KZ-79")
    assert (answer.status_code, answer.json()["items"]) == (200, [])


async def test_the_registry_alone_sets_figures(store: Store, client: Client) -> None:
    await two_centers(store)
    for token in ("center.center-1", "operator", "referral-worker"):
        answer = await client(token).put("/v1/capacity/center-1/a", json={"places": 2})
        assert answer.status_code == 404, answer.text
    for token in ("center.center-1", "operator", "admin"):
        answer = await client(token).put("/v1/programmes/a", content=opening("a", 2, version=2).model_dump_json())
        assert_problem(answer, 403, "forbidden")
    assert (await figures(store, "a")).places == 1


async def test_a_newer_figure_of_the_registry_is_applied_and_handed_over(store: Store, client: Client) -> None:
    await two_centers(store)
    await claim(store, 1, "c")
    body = opening("c", 2, version=2, confirmed_at="2026-03-02T09:01:00Z").model_dump_json()
    answer = await client("referral-worker").put("/v1/programmes/c", content=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["held"], found["free"], found["version"]) == (1, 1, 2)
    assert found["confirmed_at"] == "2026-03-02T09:01:00Z"
    again = await client("referral-worker").put("/v1/programmes/c", content=body)
    assert again.json() == found


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"places": -1}, "places"),
        ({"place": 1}, "place"),
        ({"places": ...}, "places"),
        ({"version": ...}, "version"),
        ({"version": -1}, "version"),
        ({"confirmed_at": ...}, "confirmed_at"),
        ({"confirmed_at": "2026-03-02T09:01:00"}, "confirmed_at"),
    ],
)
async def test_a_figure_that_is_none_is_refused_by_its_field(
    store: Store, client: Client, change: dict[str, object], field: str
) -> None:
    await two_centers(store)
    before = await story(store)
    body = opening("a", 5, version=2).model_dump(mode="json") | change
    body = {name: value for name, value in body.items() if value is not ...}
    answer = await client("referral-worker").put("/v1/programmes/a", json=body)
    assert_problem(answer, 422, "validation_failed", field)
    assert await story(store) == before


async def test_a_programme_without_a_figure_is_opened_and_listed(store: Store, client: Client) -> None:
    body = opening("a", 0, version=0, confirmed_at=None).model_dump_json()
    answer = await client("referral-worker").put("/v1/programmes/a", content=body)
    assert (answer.status_code, answer.json()["confirmed_at"], answer.json()["stale"]) == (200, None, True)
    listed = (await client("operator").get("/v1/capacity")).json()["items"]
    assert [(one["version"], one["places"], one["free"]) for one in listed] == [(0, 0, 0)]


async def test_the_path_and_the_body_name_the_same(store: Store, client: Client) -> None:
    await two_centers(store)
    answer = await client("referral-worker").put("/v1/programmes/b", content=opening("a", 1).model_dump_json())
    assert_problem(answer, 422, "differs_from_path", "programme_id")


async def test_a_queue_is_shown_to_its_center_and_to_operators(store: Store, client: Client) -> None:
    await two_centers(store)
    for number in (3, 2, 1):
        await claim(store, number, "c")
    first = (await client("center.center-1").get("/v1/queues/c?limit=2")).json()
    assert [(one["position"], one["referral_id"]) for one in first["items"]] == [
        (1, str(referral(1))),
        (2, str(referral(2))),
    ]
    rest = (await client("operator").get(f"/v1/queues/c?cursor={first['next']}")).json()
    assert ([one["position"] for one in rest["items"]], rest["next"]) == ([3], None)
    assert_problem(await client("center.center-2").get("/v1/queues/c"), 403, "forbidden")
    assert_problem(await client("operator").get("/v1/queues/nowhere"), 404, "unknown_programme")


async def test_the_feed_refuses_strangers_and_ids_that_are_not_its_own(client: Client) -> None:
    for path, headers, field in (
        ("/v1/capacity/feed", {"Last-Event-ID": "yesterday"}, "Last-Event-ID"),
        ("/v1/capacity/feed?last_event_id=1-2-3", {}, "last_event_id"),
    ):
        answer = await client("operator").get(path, headers=headers)
        assert_problem(answer, 422, "invalid_event_id", field)
    assert_problem(await client("guest").get("/v1/capacity/feed"), 403, "forbidden")
    assert_problem(await client("nobody").get("/v1/capacity/feed"), 401, "unauthorized")


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The application on a socket of its own: events only stream over one."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        app.state.capacity.feed.close()
        server.should_exit = True
        await task


def following(address: str, token: str, last: str) -> AbstractAsyncContextManager[httpx2.Response]:
    @asynccontextmanager
    async def follow() -> AsyncIterator[httpx2.Response]:
        headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": last}
        async with (
            httpx2.AsyncClient(timeout=10) as http,
            http.stream("GET", f"{address}/v1/capacity/feed", headers=headers) as answer,
        ):
            yield answer

    return follow()


async def lines(answer: httpx2.Response, count: int) -> list[str]:
    found: list[str] = []
    async for line in answer.aiter_lines():
        if line and not line.startswith(":"):
            found.append(line)
        if len(found) == count:
            break
    return found


async def test_the_feed_streams_and_names_the_referral_to_operators_only(store: Store, app: FastAPI) -> None:
    await two_centers(store)
    last = str(await store.steps.last())
    await claim(store, 1, "a")
    async with served(app) as address:
        for token, named in (("operator", True), ("center.center-1", False)):
            async with following(address, token, last) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                event_id, event, data = await lines(answer, 3)
                assert event_id == f"id: {await store.steps.last()}"
                assert event == "event: kz.joldama.place.held.v1"
                assert (str(referral(1)) in data) is named
                assert '"held":1' in data


class EndingTokens(MadeUpTokens):
    """Tokens that end after half a second; for that of a request a clock may differ by a minute."""

    async def verify(self, token: str) -> Principal:
        return replace(await super().verify(token), ends=time() + 0.5 + CLOCK_DIFFERENCE)


async def test_others_figures_are_shown_as_they_were_published_and_a_center_s_own_as_they_are(
    store: Store, app: FastAPI, client: Client
) -> None:
    await two_centers(store)

    async def held(token: str) -> dict[str, int]:
        page = (await client(token).get("/v1/capacity")).json()
        return {one["programme_id"]: one["held"] for one in page["items"]}

    await app.state.capacity.figures.publish()
    before = (await client("polyclinic.p1").get("/v1/capacity")).json()
    await claim(store, 1, "a")
    await claim(store, 2, "b")
    await app.state.capacity.figures.publish()
    assert await held("operator") == {"a": 1, "b": 1, "c": 0}
    assert await held("center.center-1") == {"a": 1, "b": 0, "c": 0}
    assert await held("polyclinic.center-1") == {"a": 0, "b": 0, "c": 0}
    assert await held("polyclinic+center.center-2") == {"a": 0, "b": 1, "c": 0}
    assert (await client("polyclinic.p1").get("/v1/capacity")).json() == before, "nor does the version tell"
    assert (await client("center.center-1").get("/v1/capacity/center-2")).json()["items"][0]["held"] == 0


async def test_more_feeds_than_a_token_may_have_are_refused_and_one_that_ends_makes_room(
    store: Store, app: FastAPI, client: Client
) -> None:
    await two_centers(store)
    app.state.capacity.feed_limits.per_token = 2
    last = str(await store.steps.last())
    async with served(app) as address:
        async with following(address, "operator", last), following(address, "operator", last) as second:
            assert second.status_code == 200
            refused = await client("operator").get("/v1/capacity/feed")
            assert_problem(refused, 429, "too_many_feeds")
            assert int(refused.headers["retry-after"]) > 0
        await eventually(lambda: app.state.capacity.feed_limits.open == 0)
        assert app.state.capacity.feed.followers == 0


async def test_the_feed_ends_with_the_token(store: Store, app: FastAPI) -> None:
    await two_centers(store)
    app.state.verifier = EndingTokens()
    last = str(await store.steps.last())
    async with served(app) as address, following(address, "operator", last) as answer:
        await claim(store, 1, "a")
        told = [line async for line in answer.aiter_lines() if line and not line.startswith(":")]
    assert told[1] == "event: kz.joldama.place.held.v1"
    assert told[-2:] == ["event: token_ended", "data: {}"]
