"""One network for many short lives: the real parts are opened once, and emptied before each simulation."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2
from redis.asyncio import Redis
from sqlmodel import Session

from services.capacity.adapters.redis_connection import open_scripts
from services.capacity.bootstrap import Capacity, redis_store, running
from services.capacity.domain.step import START
from services.capacity.entrypoints.api import make_app
from services.capacity.settings import CapacitySettings
from services.contracts.reference import read_regions
from services.kit.http.auth import TokenVerifier
from services.kit.http.service_token import TokenFile
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.adapters.tables import audit_log, metadata
from services.referral.bootstrap import bootstrap
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import Clock, Country
from tests.integration.referral.faulty_transport import FaultyTransport
from tests.unit.referral.fakes import FakeIntake
from tests.unit.referral.samples import NOW


@dataclass
class Harness:
    """The referral service over a faulty transport to the real capacity application, on a simulated clock."""

    country: Country
    transport: FaultyTransport
    redis: Redis
    prefix: str
    clients: Redis
    """Capacity's own connections."""

    async def clear(self) -> None:
        """No row but in the audit log, to which is only added; no key, and the clock at its beginning."""

        def work(session: Session) -> None:
            for table in reversed(metadata.sorted_tables):
                if table is not audit_log:
                    session.execute(table.delete())

        service = self.country.service
        await service.database.write(work)
        await self.flush()
        self.country.clock.now = NOW
        self.country = Country(service, self.country.capacity, self.country.clock, self.country.intake)
        await service.registry.network()  # cached
        self.country._step = START

    async def flush(self) -> None:
        if keys := await self.redis.keys(f"{{{self.prefix}}}:*"):
            await self.redis.delete(*keys)

    async def dump(self) -> dict[bytes, bytes]:
        """What a file would have of capacity's data."""
        keys: list[bytes] = await self.redis.keys(f"{{{self.prefix}}}:*")  # type: ignore[assignment]
        return {key: value for key in keys if (value := await self.redis.dump(key))}

    async def restore(self, older: dict[bytes, bytes]) -> None:
        """The server comes back on an older file; its clients connect anew, and find another run of it."""
        await self.flush()
        for key, value in older.items():
            await self.redis.restore(key, 0, value)
        await self.redis.set(f"{{{self.prefix}}}:server", "another run")
        await self.clients.connection_pool.disconnect(inuse_connections=False)


@asynccontextmanager
async def open_harness(settings: ReferralSettings, valkey: str, prefix: str) -> AsyncIterator[Harness]:
    """Real handlers, scripts and servers; `prefix` is of the test's own."""
    clock, intake = Clock(), FakeIntake()
    shared = settings.model_dump(include={"mode", "kafka_servers", "jwks", "issuer"})
    own = CapacitySettings(**shared, redis_url=valkey, key_prefix=prefix)
    clients: list[Redis] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[Capacity]:
        async with open_scripts(own) as scripts, running(redis_store(scripts, own.staleness), clock) as capacity:
            assert isinstance(scripts.redis, Redis)
            clients.append(scripts.redis)
            yield capacity

    app = make_app(opened, TokenVerifier.of(own), read_regions(own.data)).inside
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = FaultyTransport(httpx2.ASGITransport(app))
        worker = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://capacity"))
        over_http = HttpCapacity(worker, TokenFile(settings.service_token_file))
        service = await stack.enter_async_context(bootstrap(settings, clock=clock, capacity=over_http, intake=intake))
        service.reconcile.progress, service.reconcile.patience = None, 0
        redis = await stack.enter_async_context(Redis.from_url(valkey))
        yield Harness(Country(service, app.state.capacity.store, clock, intake), transport, redis, prefix, *clients)
