"""The capacity API: `python -m services.capacity.entrypoints.api`."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from services.capacity.bootstrap import Capacity, CapacitySettings, open_scripts, redis_store, running
from services.capacity.entrypoints import claims_api, feed_api, programmes_api, rebuild_api
from services.capacity.ports import Rebuilding
from services.contracts.near_matches import Named
from services.contracts.reference import read_regions
from services.kit.http.app import create_app
from services.kit.http.auth import TokenVerifier
from services.kit.http.health import Health
from services.kit.http.problems import Problem, answer_with
from services.kit.http.server import serve
from services.kit.logging import configure_logging

Opener = Callable[[], AbstractAsyncContextManager[Capacity]]


def _rebuilding(_: Rebuilding) -> Problem:
    detail = "Capacity's data is being rebuilt from the record; nothing was done."
    return Problem(503, "rebuilding", detail, headers={"Retry-After": "1"})


def make_app(opened: Opener, verifier: TokenVerifier, regions: Sequence[Named]) -> FastAPI:
    """The application on the service that `opened` opens; `regions` are all there are."""

    async def redis() -> None:
        capacity: Capacity = app.state.capacity
        await capacity.store.check_writable()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened() as capacity:
            app.state.capacity = capacity
            yield

    app = create_app("capacity", Health(redis=redis), lifespan)
    app.state.verifier, app.state.regions = verifier, regions
    answer_with(app, Rebuilding, _rebuilding)
    for router in (feed_api.router, programmes_api.router, claims_api.router, rebuild_api.router):
        app.include_router(router)
    return app


def app_of(settings: CapacitySettings) -> FastAPI:
    """The application that `settings` describe."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Capacity]:
        async with open_scripts(settings) as scripts, running(redis_store(scripts, settings.staleness)) as capacity:
            yield capacity

    return make_app(opened, TokenVerifier.of(settings), read_regions(settings.data))


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
