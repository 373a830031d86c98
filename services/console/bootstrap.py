"""The composition root of the console, for production and tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster

from services.console.settings import ConsoleSettings
from services.console.sign_in.kept import Kept
from services.console.sign_in.oidc import Provider
from services.console.sign_in.sealing import Seal
from services.console.sign_in.sessions import Sessions
from services.console.upstream.client import PATIENCE, Upstream
from services.console.upstream.feed import Hub
from services.console.upstream.processes import Processes
from services.console.upstream.subscriptions import follow_places, follow_referrals
from services.kit.http.auth import TokenVerifier
from services.kit.http.service_token import service_token
from services.kit.http.tls import trusted
from services.kit.loops import background
from services.kit.redis_cluster import cluster_node

CONNECTIONS = httpx2.Limits(max_connections=100, max_keepalive_connections=50)
"""To one service: a port takes 256 from one address."""
REDIS_SECONDS, REDIS_WAIT = 2.0, 5.0
"""For an answer, and for a free connection."""
REDIS_CONNECTIONS = 16
SIGNING_IN_SECONDS = 600
"""For which the provider's answer is waited."""


@dataclass(frozen=True)
class Console:
    """What a running console has."""

    settings: ConsoleSettings
    upstream: Upstream
    processes: Processes
    redis: Redis | RedisCluster
    seal: Seal
    sessions: Sessions
    kept_forms: Kept
    questions: Kept
    """What the provider was asked, until it has answered."""
    provider: Provider | None
    verifier: TokenVerifier
    hub: Hub

    @property
    def key_prefix(self) -> str:
        """Of all keys in Redis."""
        return key_prefix(self.settings)

    async def check_sessions(self) -> None:
        """A readiness check; raises one of REDIS_ERRORS."""
        await self.redis.ping()


def key_prefix(settings: ConsoleSettings) -> str:
    return f"{settings.topic_prefix}.console"


@asynccontextmanager
async def bootstrap(settings: ConsoleSettings) -> AsyncIterator[Console]:
    """The console; connects at first use."""
    async with AsyncExitStack() as stack:
        urls = settings.intake_url, settings.referral_url, settings.capacity_url
        clients = [await stack.enter_async_context(_client(url, settings)) for url in urls]
        redis = open_redis(settings.sessions_url)
        stack.push_async_callback(redis.aclose)
        processes = await stack.enter_async_context(Processes(settings.processes, settings.services_ca_file))
        seal, prefix = Seal(settings.keys), key_prefix(settings)
        hub, upstream, token = Hub(), Upstream(*clients), service_token(settings)
        following = follow_referrals(hub, upstream.referral, token), follow_places(hub, upstream.capacity, token)
        await stack.enter_async_context(background(*following))
        stack.callback(hub.close)
        yield Console(
            settings=settings,
            upstream=upstream,
            processes=processes,
            redis=redis,
            seal=seal,
            sessions=Sessions(redis, seal, prefix, settings.idle_minutes * 60, settings.session_hours * 3600),
            kept_forms=Kept(redis, seal, f"{prefix}:form", settings.kept_form_minutes * 60),
            questions=Kept(redis, seal, f"{prefix}:question", SIGNING_IN_SECONDS),
            provider=Provider(settings) if settings.sign_in_client_id else None,
            verifier=TokenVerifier.of(settings),
            hub=hub,
        )


def open_redis(url: str) -> Redis | RedisCluster:
    """Many requests at once wait for few connections to one server; a cluster's nodes take as many as there are."""
    patience = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
    if node := cluster_node(url):
        return RedisCluster.from_url(node, **patience)
    pool = BlockingConnectionPool.from_url(url, max_connections=REDIS_CONNECTIONS, timeout=REDIS_WAIT, **patience)
    return Redis.from_pool(pool)


def _client(url: str, settings: ConsoleSettings) -> httpx2.AsyncClient:
    verify = trusted(url, settings.services_ca_file)
    return httpx2.AsyncClient(base_url=url, timeout=PATIENCE, limits=CONNECTIONS, verify=verify, trust_env=False)
