"""The intake API: `python -m services.intake.entrypoints.api`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.contracts.authority import OPERATORS, likely_role
from services.contracts.purposes import Purpose, default_purpose
from services.contracts.vocabulary import Role
from services.intake.adapters.history import HISTORY
from services.intake.adapters.tables import leases
from services.intake.bootstrap import bootstrap
from services.intake.entrypoints import (
    bulk,
    children,
    consents,
    corrections,
    diagnoses,
    erasure,
    family,
    keys,
    notes,
    published,
    report,
    transfers,
)
from services.intake.handlers.access import Referrals
from services.intake.settings import IntakeSettings
from services.kit import tracing
from services.kit.audit_api import audit_log_router, counting_strangers
from services.kit.http.app import Apps, create_apps
from services.kit.http.auditing import describe_purpose
from services.kit.http.auth import TokenVerifier
from services.kit.http.health import Health
from services.kit.http.limits import limiting
from services.kit.http.readiness import readiness_router
from services.kit.http.server import serve
from services.kit.logging import configure_logging
from services.kit.loops import background
from services.kit.persons import Persons
from services.kit.retention import LEASE_MS, keep_sweeping
from services.kit.retention_api import retention_router
from services.kit.sql.append_only import check_only_inserts
from services.kit.sql.lease import Lease
from services.kit.sql.readiness import check_writable


def create_api(settings: IntakeSettings, referrals: Referrals | None = None) -> Apps:
    """The applications; their database is opened at the start. Tests may pass `referrals`."""
    health = Health()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with bootstrap(settings, referrals=referrals) as intake, limiting(settings) as app.state.limits:
            app.state.intake, app.state.verifier = intake, TokenVerifier.of(settings, Persons(settings.audit_keys))
            app.state.audit_trail = intake.audit_trail
            app.state.auditing = auditing = intake.audit_trail.auditing(Purpose, default_purpose, likely_role)
            health.checks |= {
                "database": lambda: check_writable(intake.database),
                "migrated": lambda: HISTORY.check(intake.database),
                "keys": intake.keys.check,
            }
            if not settings.local:
                health.checks["audit_log"] = lambda: check_only_inserts(intake.database)
            app.state.retention = retaining = intake.retaining
            lease = Lease(intake.database, leases, "retention", LEASE_MS)
            async with counting_strangers(auditing), background(keep_sweeping(retaining, lease)):
                yield

    parts = (bulk, diagnoses, family, children, notes, corrections, consents, transfers, report, erasure, keys)
    routers = (
        *(one.router for one in parts),
        audit_log_router(*OPERATORS),
        retention_router(OPERATORS, (Role.ADMIN,)),
        readiness_router(health, OPERATORS),
    )
    apps = create_apps(
        "intake", health, lifespan, public=routers, inside=(published.router,), public_docs=settings.public_docs
    )
    for app in apps.both:
        describe_purpose(app, Purpose, default_purpose)
    return apps


def main() -> None:
    settings = IntakeSettings()
    configure_logging("intake-api", settings.log_level)
    tracing.set_up("intake-api", settings.otlp_endpoint, settings.traces_share)
    serve(create_api(settings), settings)


if __name__ == "__main__":
    main()
