"""The referral API: `python -m services.referral.entrypoints.api`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.contracts.authority import OPERATORS, likely_role, operator
from services.contracts.purposes import Purpose, default_purpose
from services.contracts.vocabulary import Role
from services.kit import tracing
from services.kit.audit_api import audit_log_router, counting_strangers
from services.kit.dead_letters.api import dead_letters_router
from services.kit.http.app import Apps, create_apps
from services.kit.http.auditing import describe_purpose
from services.kit.http.feed_limits import FeedLimits
from services.kit.http.health import Health
from services.kit.http.limits import limiting
from services.kit.http.readiness import readiness_router
from services.kit.http.server import serve
from services.kit.logging import configure_logging
from services.kit.loops import background
from services.kit.retention_api import retention_router
from services.kit.sql.append_only import check_only_inserts
from services.kit.sql.readiness import check_writable
from services.referral.adapters.history import HISTORY
from services.referral.bootstrap import bootstrap
from services.referral.entrypoints import (
    access,
    audit,
    audit_entries,
    centers,
    changes,
    commands,
    family,
    forecast,
    referrals,
    statistics,
    worklists,
)
from services.referral.settings import ReferralSettings


def build(settings: ReferralSettings) -> Apps:
    """The applications; they connect when they are started."""
    health = Health()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with bootstrap(settings) as service, limiting(settings) as app.state.limits:
            app.state.service, app.state.verifier = service, service.verifier
            app.state.dead_letters, app.state.audit_trail = service.dead_letters, service.audit_trail
            app.state.retention = service.retention
            app.state.auditing = auditing = service.audit_trail.auditing(Purpose, default_purpose, likely_role)
            health.checks |= {
                "database": lambda: check_writable(service.database),
                "migrated": lambda: HISTORY.check(service.database),
            }
            if not settings.local:
                health.checks["audit_log"] = lambda: check_only_inserts(service.database)
            async with counting_strangers(auditing), background(service.reading.follow_changes.run()):
                yield

    routers = (
        referrals.router,
        commands.router,
        worklists.router,
        centers.router,
        forecast.router,
        statistics.router,
        changes.router,
        audit.router,
        dead_letters_router(operator, *OPERATORS),
        audit_log_router(*OPERATORS),
        retention_router(OPERATORS, (Role.ADMIN,)),
        readiness_router(health, OPERATORS),
    )
    inside = (access.router, audit_entries.router, family.router)
    apps = create_apps("referral", health, lifespan, public=routers, inside=inside, public_docs=settings.public_docs)
    apps.inside.state.feed_limits = FeedLimits.of(settings)
    for app in apps.both:
        describe_purpose(app, Purpose, default_purpose)
    return apps


def main() -> None:
    settings = ReferralSettings()
    configure_logging("referral", settings.log_level)
    tracing.set_up("referral", settings.otlp_endpoint, settings.traces_share)
    apps = build(settings)

    def end_changes() -> None:
        if service := getattr(apps.inside.state, "service", None):
            service.reading.follow_changes.close()

    serve(apps, settings, before_stop=end_changes)


if __name__ == "__main__":
    main()
