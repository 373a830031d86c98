"""The one place where the referral service is wired, for production and tests alike."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2

from services.contracts.reference import read_settlements
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.http.auth import ServiceToken, TokenVerifier
from services.kit.sql.database import Database
from services.referral.adapters.http_queues import HttpQueues
from services.referral.adapters.http_rebuild import HttpCapacity
from services.referral.adapters.kafka_flow import KafkaFlow
from services.referral.adapters.reasons import read_reasons
from services.referral.adapters.sql_deadlines import SqlDeadlines
from services.referral.adapters.sql_record import SqlRecord
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.sql_registry import SqlRegistry
from services.referral.adapters.sql_supply import SqlSupplies
from services.referral.adapters.sql_views import Views
from services.referral.adapters.sql_worklists import Worklists
from services.referral.adapters.tables import dead_letters
from services.referral.handlers.act import ActOnReferral
from services.referral.handlers.foresee import Foresee
from services.referral.handlers.hold_audit import Audit
from services.referral.handlers.mend import Mend
from services.referral.handlers.move_on import MoveOn
from services.referral.handlers.open_center import OpenCenter
from services.referral.handlers.place_children import PlaceChildren
from services.referral.handlers.settle_places import GiveBack, Occupy
from services.referral.handlers.steward import Steward
from services.referral.handlers.sweep import Sweep
from services.referral.handlers.take_handovers import TakeHandovers
from services.referral.ports import Claims, Clock, Queues
from services.referral.settings import ReferralSettings

CAPACITY_SECONDS = 20.0


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ReferralService:
    """The use cases, each ready to call."""

    settings: ReferralSettings
    database: Database
    verifier: TokenVerifier
    registry: SqlRegistry
    views: Views
    worklists: Worklists
    reasons: Mapping[str, frozenset[str]]
    place_children: PlaceChildren
    move_on: MoveOn
    take_handovers: TakeHandovers
    open_center: OpenCenter
    give_back: GiveBack
    occupy: Occupy
    act: ActOnReferral
    deadlines: SqlDeadlines
    sweep: Sweep
    record: SqlRecord
    steward: Steward
    audit: Audit
    mend: Mend
    foresee: Foresee
    letters: DeadLetterRepository
    clock: Clock


@asynccontextmanager
async def bootstrap(
    settings: ReferralSettings,
    *,
    clock: Clock = utc_now,
    claims: Claims | None = None,
    capacity: HttpCapacity | None = None,
    queues: Queues | None = None,
) -> AsyncIterator[ReferralService]:
    """The service on the settings' database and capacity; tests may pass a clock, claims, a capacity or queues."""
    database = Database(settings.referral_sql_url)
    async with httpx2.AsyncClient(base_url=settings.capacity_url, timeout=CAPACITY_SECONDS) as client:
        token = ServiceToken(settings.service_token_file)
        capacity = capacity or HttpCapacity(client, token)
        try:
            yield _wired(settings, database, clock, claims or capacity, capacity, queues or HttpQueues(client, token))
        finally:
            await database.close()


def _wired(
    settings: ReferralSettings, database: Database, clock: Clock, claims: Claims, capacity: HttpCapacity, queues: Queues
) -> ReferralService:
    """Each adapter once, and the use cases on them."""
    record, referrals, deadlines = SqlRecord(database), SqlReferrals(database), SqlDeadlines(database)
    registry = SqlRegistry(database, read_settlements(settings.data), clock, settings.staleness)
    steward = Steward(record, capacity, clock)
    capacity.refused = steward.notice
    audit = Audit(record, capacity, KafkaFlow(settings))
    return ReferralService(
        settings=settings, database=database, verifier=TokenVerifier.of(settings), clock=clock,
        reasons=read_reasons(settings.data), registry=registry, views=Views(database), worklists=Worklists(database),
        letters=DeadLetterRepository(database, dead_letters, clock), record=record, deadlines=deadlines,
        place_children=PlaceChildren(referrals, claims, registry, clock),
        move_on=MoveOn(referrals, claims, registry, clock),
        take_handovers=TakeHandovers(referrals, registry, clock),
        open_center=OpenCenter(referrals, claims, deadlines, registry, clock),
        give_back=GiveBack(referrals, claims), occupy=Occupy(referrals, claims),
        act=ActOnReferral(referrals, registry, clock), sweep=Sweep(referrals, deadlines, registry),
        steward=steward, audit=audit, mend=Mend(audit, steward),
        foresee=Foresee(queues, SqlSupplies(database), clock, settings.staleness),
    )  # fmt: skip
