"""The referral service on a real database, over the real capacity API on a real Valkey."""

import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey

from services.capacity.entrypoints.api import app_of
from services.capacity.settings import CapacitySettings
from services.kit.http.service_token import TokenFile
from services.kit.settings import CHECKOUT
from services.kit.sql.migrations import History
from services.referral.adapters.history import HISTORY
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.bootstrap import ReferralService, bootstrap
from services.referral.entrypoints.api import build
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import Clock, Country, write_data
from tests.unit.referral.fakes import FakeIntake

ISSUER = "https://issuer.test"
Token = Callable[..., str]


@pytest.fixture(scope="session")
def issuer_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


@pytest.fixture
def token(issuer_key: RSAKey) -> Token:
    def make(*roles: str, org: str = "", subject: str = "") -> str:
        name = subject or f"{roles[0]}-1"
        claims = {"iss": ISSUER, "aud": "joldama", "exp": int(time.time()) + 86_400, "sub": name}
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims | {"roles": list(roles), "org": org}, issuer_key)

    return make


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Reference data of the small country; the reasons are the real ones."""
    return write_data(tmp_path / "data", CHECKOUT / "data" / "reasons.csv")


@pytest.fixture
def settings(
    migrated_database: Callable[[str, History], str], data: Path, issuer_key: RSAKey, tmp_path: Path, token: Token
) -> ReferralSettings:
    """Settings of a migrated database of the test's own."""
    jwks, own = tmp_path / "jwks.json", tmp_path / "service-token"
    jwks.write_bytes(orjson.dumps({"keys": [issuer_key.as_dict(private=False)]}))
    own.write_text(token("referral-worker", "referral-api"))
    return ReferralSettings(
        mode="local", kafka_servers="127.0.0.1:1", jwks=str(jwks), issuer=ISSUER, data=data,
        service_token_file=own, referral_sql_url=migrated_database("referral", HISTORY), capacity_url="http://capacity",
        intake_url="http://127.0.0.1:1", event_key=b64encode(bytes(range(32))).decode(), forecast_every=0,
    )  # fmt: skip


@pytest.fixture
async def capacity(settings: ReferralSettings, valkey: str, prefix: str) -> AsyncIterator[FastAPI]:
    """The real capacity application on keys of the test's own."""
    shared = settings.model_dump(include={"mode", "kafka_servers", "jwks", "issuer"})
    app = app_of(CapacitySettings(**shared, redis_url=valkey, key_prefix=prefix)).inside
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def country(settings: ReferralSettings, capacity: FastAPI) -> AsyncIterator[Country]:
    """The use cases as the worker has them, whose events a test delivers."""
    clock, intake = Clock(), FakeIntake()
    async with AsyncExitStack() as stack:
        to_capacity = await stack.enter_async_context(
            httpx2.AsyncClient(transport=httpx2.ASGITransport(capacity), base_url="http://capacity")
        )
        over_http = HttpCapacity(to_capacity, TokenFile(settings.service_token_file))
        service = await stack.enter_async_context(bootstrap(settings, clock=clock, capacity=over_http, intake=intake))
        yield Country(service, capacity.state.capacity.store, clock, intake)


@pytest.fixture
async def others(country: Country) -> AsyncIterator[list[ReferralService]]:
    """Two more processes of the same service, on the same database and capacity."""
    over_http = country.service.rebuilder.capacity
    assert isinstance(over_http, HttpCapacity)
    settings, clock, intake = country.service.settings, country.clock, country.intake
    async with (
        bootstrap(settings, clock=clock, capacity=over_http, intake=intake) as one,
        bootstrap(settings, clock=clock, capacity=over_http, intake=intake) as two,
    ):
        yield [one, two]


@pytest.fixture
async def api(settings: ReferralSettings) -> AsyncIterator[FastAPI]:
    app = build(settings).inside
    async with app.router.lifespan_context(app):
        yield app


Client = Callable[..., httpx2.AsyncClient]


@pytest.fixture
async def client(api: FastAPI, token: Token) -> AsyncIterator[Client]:
    """`client("center", org="c1", subject="olga")`: an HTTP client with that token."""
    opened: list[httpx2.AsyncClient] = []

    def make(*roles: str, org: str = "", subject: str = "") -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {token(*roles, org=org, subject=subject)}"} if roles else {}
        opened.append(
            httpx2.AsyncClient(transport=httpx2.ASGITransport(api), base_url="http://referral", headers=headers)
        )
        return opened[-1]

    yield make
    for one in opened:
        await one.aclose()


@pytest.fixture
def operator(client: Client) -> httpx2.AsyncClient:
    return client("operator")


@pytest.fixture
async def offered(country: Country) -> Country:
    """Child 1 of polyclinic p1 is offered to `near`, child 2 of p2 waits, `far` was never asked."""
    await country.open("near")
    await country.open("far", places=0, settlement="far")
    await country.submit(1)
    await country.submit(2, polyclinic_id="p2")
    return country


@pytest.fixture
async def moved_on(country: Country) -> Country:
    """Child 1 was declined by `near`, waited, and was accepted by `far`, with a note."""
    await country.open("near")
    await country.open("far", places=0, settlement="far")
    await country.submit(1)
    await country.decline(1)
    await country.deliver()
    await country.set_places("far", 1)
    await country.deliver()
    await country.accept(1, note_id=UUID(int=77))
    return country
