"""Limits on how often a holder, an organization and an address may ask. They count acts, whatever the path says.

Counters are in Redis where there is one, and in the process where there is none, or while it is away.
"""

import asyncio
import hmac
import ipaddress
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import ceil
from time import monotonic, time
from typing import Any

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisClusterStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import SSLConnection, parse_url
from starlette.requests import Request

from services.kit.http.problems import Problem
from services.kit.redis_cluster import cluster_node
from services.kit.settings import ServiceSettings

log = structlog.get_logger()
PATIENCE = 0.25
"""Seconds for an answer of Redis."""
AWAY = 5.0
"""Seconds for which the process counts alone after Redis has not answered."""
SHARES = 200
"""A process takes a limit in so many shares, so that a request seldom asks Redis."""
REMEMBERED = 10_000
"""Names whose share or refusal is remembered."""
_UNAVAILABLE = (StorageError, OSError, RuntimeError, TimeoutError)


class Budget(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    READS = "reads"
    """Of a child, by an id that cannot be guessed."""
    LOOK_UPS = "look_ups"
    """Of a child by an IIN, which can be."""
    REFUSED = "refused"
    """Tokens that are refused."""
    FAMILY = "family"
    """Looks at a referral by its code, without a token; its holder is the code."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the names by which an act is counted."""

    address: str
    subject: str = ""
    organization: str = ""

    @classmethod
    def at(cls, request: Request) -> "Caller":
        """By the address of the connection, or what a trusted proxy says. An IPv6 network of 64 bits is one address."""
        return cls(_address(request.client.host if request.client else ""))

    def names(self) -> Mapping[str, str]:
        """By kind."""
        return {"holder": self.subject, "organization": self.organization, "address": self.address}


@lru_cache(maxsize=REMEMBERED)
def _address(host: str) -> str:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host[:64]
    if isinstance(found, ipaddress.IPv6Address) and not found.ipv4_mapped:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


@dataclass(slots=True)
class _Share:
    left: int
    until: float


class Limits:
    """Spends budgets. `rates` are by `budget:kind`; one that is missing is unlimited.

    A holder's subject may be an IIN: counters have a digest of it, by a `key` that those who share them have.
    """

    def __init__(
        self, rates: Mapping[str, RateLimitItem], shared: Storage | None = None, key: bytes = b"of this process"
    ) -> None:
        self._rates, self._key = rates, key
        self._alone = FixedWindowRateLimiter(MemoryStorage())
        self._shared = FixedWindowRateLimiter(shared) if shared else None
        self._away_until = 0.0
        self._shares: dict[str, _Share] = {}
        self._taking: dict[str, asyncio.Event] = {}
        self._counters = lru_cache(maxsize=REMEMBERED)(self._counters_of)

    async def spend(self, budget: Budget, caller: Caller, *kinds: str) -> None:
        """Count one act of `caller`; raises Problem 429 when one of `kinds` (default: all) has spent its budget."""
        now = monotonic()
        for rate, name in self._counters(budget, caller, kinds):
            share = self._shares.get(name)
            if share is not None and share.left > 1 and now < share.until:  # nearly always
                share.left -= 1
            else:
                await self._spend(rate, name)

    def _counters_of(
        self, budget: Budget, caller: Caller, kinds: tuple[str, ...]
    ) -> Sequence[tuple[RateLimitItem, str]]:
        """The rates of a caller, each with the name of what is counted."""
        return [
            (rate, f"{budget}:{kind}:{self._digest(name) if kind == 'holder' else name}")
            for kind, name in caller.names().items()
            if name and (not kinds or kind in kinds) and (rate := self._rates.get(f"{budget}:{kind}"))
        ]

    def _digest(self, subject: str) -> str:
        return hmac.digest(self._key, subject.encode(), "sha256").hex()[:24]

    async def _spend(self, rate: RateLimitItem, name: str) -> None:
        share = self._shares.get(name)
        while share is None or monotonic() >= share.until:
            if (taking := self._taking.get(name)) is None:
                share = await self._take_alone(rate, name)
            else:
                await taking.wait()
                share = self._shares.get(name)
        if share.left <= 0:
            raise _too_many(share.until - monotonic())
        share.left -= 1
        if not share.left:
            del self._shares[name]

    async def _take_alone(self, rate: RateLimitItem, name: str) -> _Share:
        """Others wait meanwhile: a share for each of those who ask at once would spend the whole budget."""
        self._taking[name] = taken = asyncio.Event()
        try:
            return await self._take_share(rate, name)
        finally:
            del self._taking[name]
            taken.set()

    async def _take_share(self, rate: RateLimitItem, name: str) -> _Share:
        """A part of the budget to spend without asking; an empty one when there is none, until there will be."""
        size = max(1, rate.amount // SHARES)
        limiter = self._limiter()
        try:
            async with asyncio.timeout(PATIENCE):
                taken = await limiter.hit(rate, name, cost=size)
                end = 0.0 if taken else (await limiter.get_window_stats(rate, name)).reset_time - time()
        except _UNAVAILABLE as error:
            log.warning("limits.alone", reason=type(error).__name__)
            self._away_until = monotonic() + AWAY
            return await self._take_share(rate, name)
        if len(self._shares) >= REMEMBERED:
            self._shares.clear()
        wait = rate.get_expiry() if taken else min(max(end, 1.0), rate.get_expiry())
        share = self._shares[name] = _Share(size if taken else 0, monotonic() + wait)
        return share

    def _limiter(self) -> FixedWindowRateLimiter:
        return self._shared if self._shared and monotonic() >= self._away_until else self._alone


def _too_many(seconds: float) -> Problem:
    wait = max(1, ceil(seconds))
    detail = f"Too many requests of this kind: try again in {wait} seconds."
    return Problem(429, "too_many_requests", detail, headers={"Retry-After": str(wait)})


@asynccontextmanager
async def limiting(settings: ServiceSettings, own_redis: str = "") -> AsyncIterator[Limits]:
    """The limits of `settings`, counted in their Redis, else in the service's own, else in the process."""
    kinds = ((budget, kind, rate) for budget, rates in settings.limits.items() for kind, rate in rates.items())
    rates = {f"{budget}:{kind}": parse(rate) for budget, kind, rate in kinds}
    url = settings.limits_url.get_secret_value() or own_redis
    if not url:
        yield Limits(rates)
        return
    options: dict[str, Any] = {"key_prefix": f"{settings.topic_prefix}.limits", "implementation": "redispy"}
    async with AsyncExitStack() as stack:
        patience = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        if node := cluster_node(url):
            storage: RedisStorage = cluster_storage(node, options | patience)
            bridge: Any = storage.bridge
            stack.push_async_callback(bridge.storage.aclose)
        else:
            pool: Any = ConnectionPool.from_url(url, **patience)
            stack.push_async_callback(pool.aclose)
            storage = RedisStorage(f"async+{url}", wrap_exceptions=True, connection_pool=pool, **options)
        yield Limits(rates, storage, url.encode())  # with Redis' password in it


def cluster_storage(node: str, options: dict[str, Any]) -> RedisClusterStorage:
    """Counters on the nodes of a cluster, of which the one at URL `node` tells the others."""
    parts: dict[str, Any] = {**parse_url(node)}
    parts.pop("db", None)
    parts["ssl"] = parts.pop("connection_class", None) is SSLConnection
    address = f"async+redis+cluster://{parts['host']}:{parts.get('port', 6379)}"
    return RedisClusterStorage(address, wrap_exceptions=True, **parts | options)


def limits_of(request: Request) -> Limits:
    """The limits in `app.state.limits`."""
    limits: Limits = request.app.state.limits
    return limits
