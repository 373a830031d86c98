"""The one place where the referral service is wired, for production and tests alike."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx2

from services.contracts.authority import OPERATORS, Holder
from services.contracts.reference import read_days_off, read_regions, read_settlements
from services.contracts.vocabulary import Role
from services.contracts.working_days import WorkingDays
from services.kit.audit_api import AuditTrail
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.http.auth import TokenVerifier
from services.kit.http.service_token import service_token
from services.kit.http.tls import trusted
from services.kit.kept import KeptByKey
from services.kit.persons import Persons
from services.kit.retention import LEASE_MS, days
from services.kit.sql.audit_log import AuditLog, AuditWriter, Chain
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from services.kit.tracing import client_hooks
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.adapters.http_intake import HttpIntake
from services.referral.adapters.http_queue_positions import HttpQueuePositions
from services.referral.adapters.kafka_progress import KafkaProgress
from services.referral.adapters.reasons import read_reasons
from services.referral.adapters.sql_access import SqlAccess
from services.referral.adapters.sql_changes import SqlChanges
from services.referral.adapters.sql_deadlines import SqlDeadlines
from services.referral.adapters.sql_names import SqlNames
from services.referral.adapters.sql_queues import SqlQueues
from services.referral.adapters.sql_record import SqlRecord
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.sql_registry import SqlRegistry
from services.referral.adapters.sql_retention import SqlRetention
from services.referral.adapters.sql_statistics import Statistics
from services.referral.adapters.sql_supply import SqlSupplies
from services.referral.adapters.sql_views import Views, related_ids
from services.referral.adapters.sql_worklists import Worklists
from services.referral.adapters.tables import audit_log, dead_letters, leases
from services.referral.handlers.act import ActOnReferral
from services.referral.handlers.all_supplies import KeptSupplies
from services.referral.handlers.apply_figures import ApplyFigures
from services.referral.handlers.claim_places import ClaimPlaces
from services.referral.handlers.correct_referrals import CorrectReferrals
from services.referral.handlers.follow_changes import FollowChanges
from services.referral.handlers.forecast_places import ForecastPlaces
from services.referral.handlers.occupy_places import OccupyPlaces
from services.referral.handlers.offer_handed_over_places import OfferHandedOverPlaces
from services.referral.handlers.open_center import OpenCenter
from services.referral.handlers.published_supplies import PublishedSupplies
from services.referral.handlers.reactions import Reactions
from services.referral.handlers.rebuild import CapacityRebuilder
from services.referral.handlers.reconcile import Reconciliation
from services.referral.handlers.register_center import RegisterCenter
from services.referral.handlers.release_places import ReleasePlaces
from services.referral.handlers.repair import Repair
from services.referral.handlers.reroute_referrals import RerouteReferrals
from services.referral.handlers.route_new_referrals import RouteNewReferrals
from services.referral.handlers.sweep import Sweep
from services.referral.handlers.verify_events import VerifyEvents
from services.referral.ports import Clock, IntakeEvents
from services.referral.settings import ReferralSettings

CAPACITY_SECONDS, INTAKE_SECONDS = 20.0, 10.0
REBUILD_MS, SWEEP_MS = 5_000, 10_000
"""How long a lease holds without being renewed."""


def utc_now() -> datetime:
    """In whole milliseconds, as it is stored."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reads referrals and changes nothing."""

    views: Views
    worklists: Worklists
    statistics: Statistics
    access: SqlAccess
    follow_changes: FollowChanges

    @classmethod
    def of(cls, database: Database) -> "Reading":
        changes = FollowChanges(SqlChanges(database))
        return cls(Views(database), Worklists(database), Statistics(database), SqlAccess(database), changes)


@dataclass(frozen=True)
class ReferralService:
    """The use cases, each ready to call."""

    settings: ReferralSettings
    database: Database
    verifier: TokenVerifier
    registry: SqlRegistry
    reading: Reading
    names: SqlNames
    reasons: Mapping[str, frozenset[str]]
    reactions: Reactions
    register_center: RegisterCenter
    act: ActOnReferral
    deadlines: SqlDeadlines
    sweep: Sweep
    record: SqlRecord
    rebuilder: CapacityRebuilder
    reconcile: Reconciliation
    repair: Repair
    forecast: ForecastPlaces
    published_forecast: ForecastPlaces
    forecast_pages: KeptByKey[bytes]
    dead_letters: DeadLetterRepository
    audit_lease: Lease
    audit_trail: AuditTrail
    retention: SqlRetention
    retention_lease: Lease
    clock: Clock

    def forecast_for(self, reader: Holder) -> ForecastPlaces:
        """As it is for operators, and for a center, which sees its own; as it was published for a polyclinic."""
        polyclinic = Role.POLYCLINIC in reader.roles and reader.roles.isdisjoint(OPERATORS)
        return self.published_forecast if polyclinic else self.forecast


@asynccontextmanager
async def bootstrap(
    settings: ReferralSettings,
    *,
    clock: Clock = utc_now,
    capacity: HttpCapacity | None = None,
    intake: IntakeEvents | None = None,
) -> AsyncIterator[ReferralService]:
    """The service on the settings' database and services; tests may pass a clock, a capacity or an intake."""
    database, token = Database(settings.referral_sql_url), service_token(settings)
    async with (
        _client(settings, settings.capacity_url, CAPACITY_SECONDS) as to_capacity,
        _client(settings, settings.intake_url, INTAKE_SECONDS) as to_intake,
    ):
        capacity, intake = capacity or HttpCapacity(to_capacity, token), intake or HttpIntake(to_intake, token)
        try:
            yield _wired(settings, database, clock, capacity, intake)
        finally:
            await database.close()


def _client(settings: ReferralSettings, url: str, seconds: float) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=url, timeout=seconds, verify=trusted(url, settings.services_ca_file), event_hooks=client_hooks()
    )


def _wired(
    settings: ReferralSettings, database: Database, clock: Clock, capacity: HttpCapacity, intake: IntakeEvents
) -> ReferralService:
    """Each adapter once, and the use cases on them."""
    settlements = read_settlements(settings.data)
    referrals, deadlines, queues = SqlReferrals(database), SqlDeadlines(database), SqlQueues(database)
    registry = SqlRegistry(database, settlements, clock, settings.staleness)
    record = SqlRecord(database, Lease(database, leases, "rebuild", REBUILD_MS))
    rebuilder = CapacityRebuilder(record, capacity, clock)
    capacity.on_rebuilding = rebuilder.trigger
    reconcile = Reconciliation(record, capacity, KafkaProgress(settings))
    working_days = WorkingDays(read_days_off(settings.data))
    forecast, published = _forecasts(settings, database, capacity, clock)
    lease = partial(Lease, database, leases)
    return ReferralService(
        settings=settings,
        database=database,
        verifier=TokenVerifier.of(settings, Persons(settings.audit_keys)),
        registry=registry,
        reading=Reading.of(database),
        names=SqlNames(database, read_regions(settings.data)),
        reasons=read_reasons(settings.data),
        reactions=_reactions(referrals, queues, registry, deadlines, capacity, intake, working_days, clock),
        register_center=RegisterCenter(registry, settlements),
        act=ActOnReferral(referrals, registry, clock),
        deadlines=deadlines,
        sweep=Sweep(
            referrals, deadlines, queues, registry, lease("sweep", SWEEP_MS).acquire, pass_over=settings.pass_over
        ),
        record=record,
        rebuilder=rebuilder,
        reconcile=reconcile,
        repair=Repair(reconcile, rebuilder),
        forecast=forecast,
        published_forecast=published,
        forecast_pages=KeptByKey(clock, settings.forecast_kept),
        dead_letters=DeadLetterRepository(database, dead_letters, clock),
        audit_lease=lease("audit", round(settings.audit_every * 1000)),
        audit_trail=_audit_trail(settings, database),
        retention=SqlRetention(database, days(settings.keep_persons_days), clock),
        retention_lease=lease("retention", LEASE_MS),
        clock=clock,
    )


def _audit_trail(settings: ReferralSettings, database: Database) -> AuditTrail:
    """The audit log, which every act on `database` enters from now on."""
    log = AuditLog(audit_log, Chain(settings.audit_keys))
    database.audit = log.add
    return AuditTrail(database, log, AuditWriter(database, log), related_ids, settings.audit_head_file)


def _reactions(
    referrals: SqlReferrals,
    queues: SqlQueues,
    registry: SqlRegistry,
    deadlines: SqlDeadlines,
    capacity: HttpCapacity,
    intake: IntakeEvents,
    working_days: WorkingDays,
    clock: Clock,
) -> Reactions:
    claim_places = ClaimPlaces(capacity, registry, working_days)
    return Reactions(
        referrals,
        verify=VerifyEvents(intake),
        route_new_referrals=RouteNewReferrals(claim_places, registry, clock),
        correct_referrals=CorrectReferrals(queues, registry, clock),
        reroute_referrals=RerouteReferrals(claim_places, registry, clock),
        occupy_places=OccupyPlaces(capacity),
        release_places=ReleasePlaces(capacity),
        open_center=OpenCenter(referrals, queues, capacity, deadlines, registry, clock),
        apply_figures=ApplyFigures(registry, capacity),
        offer_handed_over_places=OfferHandedOverPlaces(capacity, registry, clock, working_days),
    )


def _forecasts(
    settings: ReferralSettings, database: Database, capacity: HttpCapacity, clock: Clock
) -> tuple[ForecastPlaces, ForecastPlaces]:
    """By the figures as they are, and by those that are published."""
    queue_positions, supplies = HttpQueuePositions(capacity), SqlSupplies(database)
    kept = KeptSupplies(supplies, clock, settings.forecast_kept)
    ticks = timedelta(seconds=settings.figures_every)
    published = PublishedSupplies(supplies, queue_positions, clock, ticks, settings.figures_centers)
    return (
        ForecastPlaces(queue_positions, kept, clock, settings.staleness),
        ForecastPlaces(published, published, clock, settings.staleness),
    )
