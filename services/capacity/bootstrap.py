"""The composition root of capacity, for production and tests alike."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2

from services.capacity.adapters.http_audit_log import SECONDS, HttpAuditLog
from services.capacity.adapters.redis_claim_pages import RedisClaimPages
from services.capacity.adapters.redis_claims import RedisClaims
from services.capacity.adapters.redis_programmes import RedisProgrammes
from services.capacity.adapters.redis_rebuild import RedisRebuild
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.domain.figures import Staleness
from services.capacity.handlers.feed import Feed
from services.capacity.handlers.publish_figures import PublishedFigures
from services.capacity.ports import AuditLog, Store
from services.capacity.settings import CapacitySettings
from services.kit.http.feed_limits import FeedLimits
from services.kit.http.service_token import service_token
from services.kit.http.tls import trusted
from services.kit.loops import background
from services.kit.tracing import client_hooks

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Capacity:
    """The service while it runs."""

    store: Store
    feed: Feed
    feed_limits: FeedLimits
    figures: PublishedFigures
    clock: Clock
    audit_log: AuditLog | None = None


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_audit_log(settings: CapacitySettings) -> AsyncIterator[AuditLog | None]:
    """The log at `referral_url`; at the end what still waits is sent. None without the URL."""
    if not settings.referral_url:
        yield None
        return
    verify = trusted(settings.referral_url, settings.services_ca_file)
    async with httpx2.AsyncClient(
        base_url=settings.referral_url, timeout=SECONDS, verify=verify, event_hooks=client_hooks()
    ) as client:
        audit_log = HttpAuditLog(client, service_token(settings))
        async with background(audit_log.run()):
            yield audit_log
        await audit_log.send_waiting()


def redis_store(scripts: RedisScripts, staleness: Staleness) -> Store:
    return Store(
        RedisClaims(scripts),
        RedisProgrammes(scripts, staleness),
        RedisSteps(scripts, staleness),
        RedisRebuild(scripts),
        RedisClaimPages(scripts, staleness),
        scripts.check_writable,
    )


@asynccontextmanager
async def running(
    store: Store, clock: Clock = utc_now, settings: CapacitySettings | None = None, audit_log: AuditLog | None = None
) -> AsyncIterator[Capacity]:
    """The service on `store`, with its feed running; without `settings`, with their defaults."""
    chosen = settings or CapacitySettings.model_construct(kafka_servers="", redis_url="")
    figures = PublishedFigures(store.programmes, clock, every=chosen.figures_every, centers=chosen.figures_centers)
    feed = Feed(store.steps, figures, kept=chosen.feed_kept)
    async with background(feed.run(), figures.run()):
        try:
            yield Capacity(store, feed, FeedLimits.of(chosen), figures, clock, audit_log)
        finally:
            feed.close()
