"""The capacity API: `python -m services.capacity.entrypoints.api`."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from services.capacity.adapters.redis_connection import open_scripts
from services.capacity.bootstrap import Capacity, open_audit_log, redis_store, running
from services.capacity.entrypoints import claims_api, feed_api, programmes_api, rebuild_api
from services.capacity.ports import Rebuilding
from services.capacity.settings import CapacitySettings
from services.contracts.authority import OPERATORS, likely_role
from services.contracts.near_matches import Named
from services.contracts.purposes import Purpose, default_purpose
from services.contracts.reference import read_regions
from services.contracts.vocabulary import PROCESSES
from services.kit import tracing
from services.kit.http.app import Apps, create_apps
from services.kit.http.auditing import Auditing, describe_purpose
from services.kit.http.auth import TokenVerifier
from services.kit.http.health import Health
from services.kit.http.limits import limiting
from services.kit.http.problem_answers import answer_with
from services.kit.http.problems import Problem
from services.kit.http.readiness import readiness_router
from services.kit.http.server import serve
from services.kit.logging import configure_logging
from services.kit.persons import Persons

Opener = Callable[[], AbstractAsyncContextManager[Capacity]]


class _Subjects(Persons):
    """Subjects as they are: the referral service has the key, and makes names of them."""

    def name(self, subject: str) -> str:
        return subject


def subject_verifier(settings: CapacitySettings) -> TokenVerifier:
    """Whose principals are named by their plain subject."""
    return TokenVerifier.of(settings, _Subjects())


def _rebuilding(_: Rebuilding) -> Problem:
    detail = "Capacity's data is being rebuilt from the record; nothing was done."
    return Problem(503, "rebuilding", detail, headers={"Retry-After": "1"})


def make_app(opened: Opener, verifier: TokenVerifier, regions: Sequence[Named], *, public_docs: bool = False) -> Apps:
    """The applications on the service that `opened` opens; `regions` are all there are."""

    async def redis() -> None:
        capacity: Capacity = apps.inside.state.capacity
        await capacity.store.check_writable()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened() as capacity:
            app.state.capacity = capacity
            if capacity.audit_log:
                app.state.auditing = Auditing(
                    capacity.audit_log.record, (), frozenset(Purpose), default_purpose, likely_role,
                    frozenset(PROCESSES),
                )  # fmt: skip
            yield

    health = Health(redis=redis)
    public = (feed_api.router, programmes_api.router, readiness_router(health, OPERATORS))
    inside = (programmes_api.inside, claims_api.router, rebuild_api.router)
    apps = create_apps("capacity", health, lifespan, public=public, inside=inside, public_docs=public_docs)
    apps.inside.state.verifier, apps.inside.state.regions = verifier, regions
    for app in apps.both:
        answer_with(app, Rebuilding, _rebuilding)
        describe_purpose(app, Purpose, default_purpose)
    return apps


def app_of(settings: CapacitySettings) -> Apps:
    """The applications that `settings` describe."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Capacity]:
        async with (
            limiting(settings, settings.redis_url) as apps.inside.state.limits,
            open_scripts(settings) as scripts,
            open_audit_log(settings) as audit_log,
            running(redis_store(scripts, settings.staleness), settings=settings, audit_log=audit_log) as capacity,
        ):
            yield capacity

    regions = read_regions(settings.data)
    apps = make_app(opened, subject_verifier(settings), regions, public_docs=settings.public_docs)
    return apps


def main() -> None:
    settings = CapacitySettings()
    configure_logging("capacity", settings.log_level)
    tracing.set_up("capacity", settings.otlp_endpoint, settings.traces_share)
    apps = app_of(settings)

    def end_feed() -> None:
        if capacity := getattr(apps.inside.state, "capacity", None):
            capacity.feed.close()

    serve(apps, settings, before_stop=end_feed)


if __name__ == "__main__":
    main()
