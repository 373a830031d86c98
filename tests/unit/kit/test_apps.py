"""An API's two applications: what strangers find on the public one, and what is inside only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from fastapi import FastAPI

from services.kit.http.app import Apps, create_apps
from services.kit.http.health import Health
from services.kit.http.routes import guarded_router

people, services = guarded_router("/people", tags=["test"]), guarded_router("/services", tags=["test"])
INSIDE_ONLY = ("/readyz", "/metrics", "/docs", "/redoc", "/openapi.json", "/services")


@people.get("")
async def for_people() -> str:
    return "people"


@services.get("")
async def for_services() -> str:
    return "services"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.begun = True
    yield


def apps(*, public_docs: bool = False) -> Apps:
    return create_apps("test", Health(), lifespan, public=[people], inside=[services], public_docs=public_docs)


async def statuses(app: FastAPI, *paths: str) -> dict[str, int]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return {path: (await client.get(path)).status_code for path in paths}


async def test_a_stranger_finds_the_routes_for_people_and_liveness_only() -> None:
    found = await statuses(apps().public, "/people", "/livez", *INSIDE_ONLY)
    assert found == {"/people": 200, "/livez": 200, **dict.fromkeys(INSIDE_ONLY, 404)}


async def test_inside_has_all_of_it() -> None:
    paths = ("/people", "/livez", *INSIDE_ONLY)
    assert await statuses(apps().inside, *paths) == dict.fromkeys(paths, 200)


async def test_the_documentation_is_public_where_a_setting_says_so() -> None:
    found = await statuses(apps(public_docs=True).public, "/docs", "/openapi.json", "/services", "/metrics", "/readyz")
    assert found == {"/docs": 200, "/openapi.json": 200, "/services": 404, "/metrics": 404, "/readyz": 404}
    assert set(apps(public_docs=True).public.openapi()["paths"]) == {"/people"}


@pytest.mark.parametrize("first", ["public", "inside"])
async def test_both_have_the_state_of_the_one_that_was_started(first: str) -> None:
    made = apps()
    app: FastAPI = getattr(made, first)
    async with app.router.lifespan_context(app):
        assert made.public.state.begun
        assert made.inside.state.begun
