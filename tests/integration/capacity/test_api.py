"""The API over HTTP: who may ask what, what is answered, and how it refuses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from services.capacity.bootstrap import running
from services.capacity.entrypoints.api import make_app
from services.capacity.ports import Store
from services.contracts.claims import ClaimsBatch, DataVersion
from services.kit.http.auth import Principal, TokenVerifier
from services.kit.http.problems import Problem
from tests.integration.capacity.network import (
    NOW,
    claim,
    open_programme,
    opening,
    referral,
    request,
    story,
)

Client = Callable[..., httpx2.AsyncClient]


class MadeUpTokens(TokenVerifier):
    """A token is `role` or `role.organization`."""

    def __init__(self) -> None:
        super().__init__("", "", "")

    async def verify(self, token: str) -> Principal:
        role, _, org = token.partition(".")
        if role == "nobody":
            raise Problem(401, "unauthorized", "refused")
        return Principal(token, frozenset({role}), org)


@pytest.fixture
async def app(store: Store) -> AsyncIterator[FastAPI]:
    app = make_app(lambda: running(store, lambda: NOW + timedelta(minutes=1)), MadeUpTokens())
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[Client]:
    made: list[httpx2.AsyncClient] = []

    def make(token: str) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=app)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        made.append(httpx2.AsyncClient(transport=transport, base_url="http://capacity", headers=headers))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


def assert_problem(answer: httpx2.Response, status: int, code: str, field: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == code
    assert field is None or field in [one["field"] for one in body["errors"]]


async def two_centers(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 2, center_id="center-2", region_id="KZ-75", modality="inpatient")
    await open_programme(store, "c", 0)


async def test_capacity_is_listed_by_region_modality_and_free_places_in_parts(store: Store, client: Client) -> None:
    await two_centers(store)
    reader = client("polyclinic.p1")

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
    assert first["mark"] == {"epoch": str(last.epoch), "sequence": 3}
    assert (await reader.get("/v1/capacity/center-2")).json()["items"][0]["free"] == 2


async def test_a_center_sets_its_own_places_and_no_other_s(store: Store, client: Client) -> None:
    await two_centers(store)
    await claim(store, 1, "c")
    answer = await client("center.center-1").put("/v1/capacity/center-1/c", json={"places": 2})
    assert answer.status_code == 200
    assert (answer.json()["held"], answer.json()["free"]) == (1, 1)
    assert answer.json()["confirmed_at"] == "2026-03-02T09:01:00Z"
    other = await client("center.center-2").put("/v1/capacity/center-1/c", json={"places": 2})
    assert_problem(other, 403, "forbidden")
    missing = await client("center.center-2").put("/v1/capacity/center-2/c", json={"places": 2})
    assert_problem(missing, 404, "unknown_programme")
    assert (await client("operator").put("/v1/capacity/center-1/c", json={"places": 3})).is_success


async def test_a_figure_that_is_none_is_refused_by_its_field(store: Store, client: Client) -> None:
    await two_centers(store)
    for body, field in (({"places": -1}, "places"), ({"place": 1}, "place"), ({}, "places")):
        answer = await client("operator").put("/v1/capacity/center-1/a", json=body)
        assert_problem(answer, 422, "validation_failed", field)


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


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/capacity", "operator admin center polyclinic service"),
        ("GET", "/v1/capacity/center-1", "operator admin center polyclinic service"),
        ("GET", "/v1/queues/a", "operator admin"),
        ("PUT", "/v1/programmes/a", "service"),
        ("POST", "/v1/claims/batch", "service"),
        ("PUT", f"/v1/claims/{referral(1)}", "service"),
        ("GET", f"/v1/claims/{referral(1)}", "service"),
        ("POST", f"/v1/claims/{referral(1)}/occupy", "service"),
        ("DELETE", f"/v1/claims/{referral(1)}?attempt=1", "service"),
    ],
)
async def test_each_route_is_for_its_roles_alone(
    store: Store, client: Client, method: str, path: str, allowed: str
) -> None:
    await two_centers(store)
    for role in ("operator", "admin", "center", "polyclinic", "service"):
        answer = await client(role).request(method, path)
        if role in allowed.split():
            assert answer.status_code in (200, 422), (role, answer.text)
        else:
            assert_problem(answer, 403, "forbidden")
    assert_problem(await client("nobody").request(method, path), 401, "unauthorized")


async def test_the_feed_refuses_strangers_and_ids_that_are_not_its_own(client: Client) -> None:
    for path, headers, field in (
        ("/v1/capacity/feed", {"Last-Event-ID": "yesterday"}, "Last-Event-ID"),
        ("/v1/capacity/feed?last_event_id=1-2-3", {}, "last_event_id"),
    ):
        answer = await client("operator").get(path, headers=headers)
        assert_problem(answer, 422, "invalid_event_id", field)
    assert_problem(await client("guest").get("/v1/capacity/feed"), 403, "forbidden")
    assert_problem(await client("nobody").get("/v1/capacity/feed"), 401, "unauthorized")


async def test_a_referral_claims_occupies_and_gives_back(store: Store, client: Client) -> None:
    await two_centers(store)
    service, path = client("service"), f"/v1/claims/{referral(1)}"
    held = await service.put(path, content=request(1, "a").model_dump_json())
    assert (held.json()["state"], held.json()["programme_id"], held.json()["free"]) == ("held", "a", {"a": 1})
    occupied = await service.post(f"{path}/occupy", json={"attempt": 1})
    assert occupied.json()["state"] == "occupied"
    assert (await service.get(path)).json()["state"] == "occupied"
    released = await service.delete(f"{path}?attempt=1")
    assert (released.json()["state"], released.json()["mark"]["sequence"]) == ("none", 6)
    again = await service.post(f"{path}/occupy", json={"attempt": 1})
    assert_problem(again, 409, "not_held")
    assert again.json()["claim"]["state"] == "none"


async def test_a_batch_that_names_no_candidate_is_refused_whole_and_does_nothing(store: Store, client: Client) -> None:
    await two_centers(store)
    before = await story(store)
    batch = ClaimsBatch(claims=(request(1, "a"), request(2, "b"))).model_dump(mode="json")
    for wrong, field in (
        ([], "candidates"),
        ([[]], "candidates.0"),
        ([["x y"]], "candidates.0.0"),
    ):
        batch["claims"][1]["candidates"] = wrong
        answer = await client("service").post("/v1/claims/batch", json=batch)
        assert_problem(answer, 422, "validation_failed", f"claims.1.{field}")
    assert await story(store) == before


async def test_a_service_is_told_the_turns_of_who_waits(store: Store, client: Client) -> None:
    path = f"/v1/claims/{referral(1)}/turns"
    assert_problem(await client("service").get(path), 503, "rebuilding")
    await two_centers(store)
    await claim(store, 1, "c")
    answer = await client("service").get(path)
    assert answer.json()["turns"] == [{"programme_id": "c", "position": 1, "length": 1}]
    assert_problem(await client("operator").get(path), 403, "forbidden")


async def test_the_path_and_the_body_name_the_same(client: Client) -> None:
    service = client("service")
    answer = await service.put(f"/v1/claims/{referral(2)}", content=request(1, "a").model_dump_json())
    assert_problem(answer, 422, "differs_from_path", "referral_id")
    answer = await service.put("/v1/programmes/b", content=opening("a", 1).model_dump_json())
    assert_problem(answer, 422, "differs_from_path", "programme_id")


async def test_data_behind_what_the_caller_has_seen_answers_503_rebuilding(store: Store, client: Client) -> None:
    service = client("service")
    assert_problem(await service.get("/v1/capacity"), 503, "rebuilding")
    await two_centers(store)
    batch = ClaimsBatch(seen=DataVersion(epoch="1", sequence=1), claims=(request(1, "a"),))
    answer = await service.post("/v1/claims/batch", content=batch.model_dump_json())
    assert_problem(answer, 503, "rebuilding")
    assert answer.headers["retry-after"] == "1"
    answer = await service.delete(f"/v1/claims/{referral(1)}?attempt=1&epoch=1&sequence=1")
    assert_problem(answer, 503, "rebuilding")
    answer = await service.delete(f"/v1/claims/{referral(1)}?attempt=1&epoch=1")
    assert_problem(answer, 422, "missing", "sequence")


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


async def test_the_feed_streams_and_tells_the_referral_to_operators_only(store: Store, app: FastAPI) -> None:
    await two_centers(store)
    last = str(await store.steps.last())
    await claim(store, 1, "a")
    async with served(app) as address:
        for token, told in (("operator", True), ("center.center-1", False)):
            async with following(address, token, last) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                event_id, event, data = await lines(answer, 3)
                assert event_id == f"id: {await store.steps.last()}"
                assert event == "event: kz.joldama.place.held.v1"
                assert (str(referral(1)) in data) is told
                assert '"held":1' in data
