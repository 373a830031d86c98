"""The capacity API: `python -m services.capacity.entrypoints.api`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from services.capacity.bootstrap import Capacity, CapacitySettings, open_scripts, redis_store, running
from services.capacity.entrypoints import claims_api, feed_api, places_api, rebuild_api
from services.capacity.ports import Rebuilding, UnknownProgramme
from services.kit.http.app import create_app
from services.kit.http.auth import TokenVerifier
from services.kit.http.health import Health
from services.kit.http.problems import Problem
from services.kit.http.server import serve
from services.kit.logging import configure_logging

BATCHES = ("/v1/claims/batch", "/v1/programmes/", "/v1/rebuild")
"""The paths for services only that take thousands of claims at once."""
Opener = Callable[[], AbstractAsyncContextManager[Capacity]]


async def _on_rebuilding(_: Request, __: Exception) -> JSONResponse:
    detail = "Capacity's data is being rebuilt from the record; nothing was done."
    return Problem(503, "rebuilding", detail, headers={"Retry-After": "1"}).response()


async def _on_unknown(_: Request, __: Exception) -> JSONResponse:
    return Problem(404, "unknown_programme", "Capacity knows no such programme of this center.").response()


def make_app(opened: Opener, verifier: TokenVerifier) -> FastAPI:
    """The application on the service that `opened` gives."""

    async def answers() -> None:
        capacity: Capacity = app.state.capacity
        await capacity.store.steps.last()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened() as capacity:
            app.state.capacity = capacity
            yield

    app = create_app("capacity", Health(redis=answers), lifespan, unbounded=BATCHES)
    app.state.verifier = verifier
    app.add_exception_handler(Rebuilding, _on_rebuilding)
    app.add_exception_handler(UnknownProgramme, _on_unknown)
    for router in (feed_api.router, places_api.router, claims_api.router, rebuild_api.router):
        app.include_router(router)
    return app


def app_of(settings: CapacitySettings) -> FastAPI:
    """The application that `settings` describe."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Capacity]:
        async with open_scripts(settings) as scripts, running(redis_store(scripts)) as capacity:
            yield capacity

    return make_app(opened, TokenVerifier.of(settings))


def main() -> None:
    settings = CapacitySettings()
    configure_logging("capacity", settings.log_level)
    app = app_of(settings)

    def end_feed() -> None:
        if capacity := getattr(app.state, "capacity", None):
            capacity.feed.close()

    serve(app, settings, before_stop=end_feed)


if __name__ == "__main__":
    main()
