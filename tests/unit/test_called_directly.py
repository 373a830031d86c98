"""What FastAPI does at each request for a route: nothing in a thread, and for lists and submissions nothing at all."""

from collections.abc import Collection, Iterator
from inspect import iscoroutinefunction
from typing import Any
from unittest.mock import sentinel

import pytest
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from services.kit.http.app import Apps
from services.kit.http.direct import Handle, direct_call
from services.kit.http.preconditions import Precondition
from services.kit.http.problems import Problem
from services.referral.adapters.sql_worklists import Worklist
from services.referral.entrypoints.worklists import After
from tests.integration.capacity.guards import api_routes

DIRECT = {
    ("intake", "submit_diagnosis"), ("referral", "list_referrals"), ("referral", "list_worklist"),
    ("referral", "read_referral"), ("referral", "list_forecasts"), ("referral", "list_centers"),
}  # fmt: skip


def dependencies(one: Dependant) -> Iterator[Dependant]:
    for each in one.dependencies:
        yield each
        yield from dependencies(each)


def test_no_dependency_of_a_route_runs_in_a_thread(apps: dict[str, Apps]) -> None:
    found = {
        getattr(each.call, "__qualname__", "")
        for both in apps.values()
        for _, route in api_routes(both.inside)
        for each in dependencies(route.dependant)
        if not iscoroutinefunction(each.call) and not iscoroutinefunction(type(each.call).__call__)
    }
    assert not found, "these are plain functions, which FastAPI runs in a thread"


def test_lists_and_submissions_are_called_directly(apps: dict[str, Apps]) -> None:
    for service, name in DIRECT:
        [route] = [one for _, one in api_routes(apps[service].inside) if one.name == name]
        assert direct_call(route.dependant, sentinel.by_fastapi) is not None, f"something keeps {name} from it"


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    """What the endpoint was given."""
    return []


@pytest.fixture
def versions() -> list[Collection[int]]:
    """Those of If-None-Match that the endpoint was given."""
    return []


@pytest.fixture
def call(asked: list[dict[str, Any]], versions: list[Collection[int]]) -> Handle:
    async def endpoint(name: Worklist, after: After, expected: Precondition, limit: int = 50) -> Response:
        asked.append({"name": name, "after": after, "limit": limit})
        versions.append(expected.others)
        return Response("direct")

    async def by_fastapi(request: Request) -> Response:
        return Response("by FastAPI")

    made = direct_call(APIRoute("/{name}", endpoint).dependant, by_fastapi)
    assert made is not None, "it takes parameters of path, query and header only"
    return made


async def answered(call: Handle, name: str, query: str, *tags: bytes) -> bytes:
    headers = [(b"accept", b"*/*"), *((b"if-none-match", one) for one in tags)]
    scope = {"type": "http", "path_params": {"name": name}, "query_string": query.encode(), "headers": headers}
    return bytes((await call(Request(scope))).body)


@pytest.mark.parametrize("query", ["limit=7", "limit=7&cursor=", ""])
async def test_parameters_are_read_each_time_by_the_address(
    call: Handle, asked: list[dict[str, Any]], query: str
) -> None:
    limit = 7 if query else 50
    for _ in range(2):
        assert await answered(call, "to-admit", query) == b"direct"
    assert asked == [{"name": Worklist.TO_ADMIT, "after": None, "limit": limit}] * 2
    assert await answered(call, "in-care", query) == b"direct"
    assert asked[-1]["name"] is Worklist.IN_CARE, "another path is another list"


@pytest.mark.parametrize(("name", "query"), [("to-admit", "limit=many"), ("no-list", "limit=7")])
async def test_a_wrong_parameter_is_answered_by_fastapi(
    call: Handle, asked: list[dict[str, Any]], name: str, query: str
) -> None:
    for _ in range(2):
        assert await answered(call, name, query) == b"by FastAPI", "it names what is wrong"
    assert not asked, "the endpoint was not called"


async def test_headers_are_read_each_time(call: Handle, versions: list[Collection[int]]) -> None:
    for tags in ((b'"3"',), (), (b'"3"', b'W/"4"'), (b'"3"',), (b'"5",' * 200 + b'"6"',)):
        assert await answered(call, "to-admit", "", *tags) == b"direct"
    assert versions == [{3}, set(), {3, 4}, {3}, {5, 6}], "a request without the header has not that of another"


async def test_a_wrong_header_is_named(call: Handle) -> None:
    with pytest.raises(Problem) as refused:
        await answered(call, "to-admit", "", b"three")
    assert refused.value.code == "invalid_etag"
