"""Limits on requests, look-ups and refused tokens: counted in Redis, and in the process while it is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Depends, FastAPI
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from redis.asyncio import Redis

from services.kit.http.app import create_apps
from services.kit.http.auth import Principal, Require, TokenVerifier
from services.kit.http.health import Health
from services.kit.http.issuer_keys import IssuerKeys
from services.kit.http.limits import Budget, Caller, limiting
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.kit.settings import ServiceSettings
from services.local.ports import Ports
from tests.support.servers import new_server
from tests.unit.kit.tokens import AUDIENCE, ISSUER, sign, write_keys

Make = Callable[..., FastAPI]
Seeker = Annotated[Principal, Depends(Require("center", budget=Budget.LOOK_UPS))]
TIGHT = {
    "requests": {"holder": "2000/minute", "address": "4000/minute"},
    "look_ups": {"holder": "3/minute", "organization": "5/minute"},
    "refused": {"address": "4/minute"},
}


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture
def made(tmp_path: Path, key: RSAKey, prefix: str) -> Make:
    def make(url: str = "", limits: Any = TIGHT) -> FastAPI:
        settings = ServiceSettings(
            mode="local", kafka_servers="unused", limits=limits, limits_url=SecretStr(url), topic_prefix=prefix
        )

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            async with limiting(settings) as app.state.limits:
                yield

        router = guarded_router(tags=["test"])

        @router.get("/plain")
        async def plain(_: Annotated[Principal, Depends(Require("center"))]) -> None: ...

        @router.post("/look-up/{anything}")
        async def look_up(anything: str, body: dict[str, str], _: Seeker) -> None: ...

        app = create_apps("test", Health(), lifespan, public=[router]).public
        keys = IssuerKeys(str(write_keys(tmp_path / "jwks.json", key)))
        app.state.verifier = TokenVerifier(keys, ISSUER, AUDIENCE)
        return app

    return make


@asynccontextmanager
async def client_of(app: FastAPI, address: str = "10.0.0.1") -> AsyncIterator[httpx2.AsyncClient]:
    """A client at an address."""
    transport = httpx2.ASGITransport(app=app, client=(address, 1))
    async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=transport, base_url="http://a") as client:
        yield client


async def look_up(client: httpx2.AsyncClient, token: str, path: str = "/look-up/1") -> httpx2.Response:
    return await client.post(path, json={"iin": "x"}, headers={"Authorization": f"Bearer {token}"})


PATHS = ["/look-up/1", "/look-up/2", "/look-up/3/", "/look-up/%41", "/look-up/4?"]


@pytest.mark.parametrize("shared", [True, False])
async def test_look_ups_are_counted_whatever_stands_in_the_path(
    made: Make, key: RSAKey, valkey: str, shared: bool
) -> None:
    async with client_of(made(valkey if shared else "")) as client:
        answers = [await look_up(client, sign(key, sub="a"), path) for path in PATHS]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
        refused = answers[-1]
        assert (refused.json()["code"], refused.headers["content-type"]) == (
            "too_many_requests", "application/problem+json",
        )  # fmt: skip
        assert 0 < int(refused.headers["retry-after"]) <= 60
        others = [(await look_up(client, sign(key, sub=sub))).status_code for sub in ("b", "b", "c")]
        assert others == [200, 200, 429], "the organization has spent its own"
        assert (await look_up(client, sign(key, sub="d", org="c2"))).status_code == 200
        plain = await client.get("/plain", headers={"Authorization": f"Bearer {sign(key, sub='a')}"})
        assert plain.status_code == 200


async def test_two_processes_count_together_in_redis(made: Make, key: RSAKey, valkey: str) -> None:
    async with client_of(made(valkey)) as one, client_of(made(valkey)) as two:
        statuses = [(await look_up(client, sign(key))).status_code for client in (one, two, one, two, one)]
    assert statuses == [200, 200, 200, 429, 429]


async def test_refused_tokens_are_limited_by_address_and_hinder_nobody_else(made: Make, key: RSAKey) -> None:
    stranger = {"Authorization": "Bearer a.b.c"}
    async with client_of(made(), "2001:db8::1") as client:
        statuses = [(await client.get("/plain", headers=stranger)).status_code for _ in range(6)]
        assert statuses == [401, 401, 401, 401, 429, 429]
        spoofed = stranger | {"X-Forwarded-For": "8.8.8.8", "Forwarded": "for=8.8.8.8", "X-Real-IP": "8.8.8.8"}
        assert (await client.get("/plain", headers=spoofed)).status_code == 429
        neighbor = httpx2.ASGITransport(app=client._transport.app, client=("2001:db8::2", 1))  # type: ignore[attr-defined]
        async with httpx2.AsyncClient(transport=neighbor, base_url="http://a") as same_network:
            assert (await same_network.get("/plain", headers=stranger)).status_code == 429
        answer = await client.get("/plain", headers={"Authorization": f"Bearer {sign(key)}"})
        assert answer.status_code == 200, "a good token from the same address"


async def test_a_limit_is_checked_before_the_body_is_received(made: Make, key: RSAKey) -> None:
    async with client_of(made(limits={"look_ups": {"holder": "1/minute"}})) as client:
        headers = {"Authorization": f"Bearer {sign(key)}"}
        assert (await client.post("/look-up/1", json={}, headers=headers)).status_code == 200
        assert (await client.post("/look-up/1", content=b"no json", headers=headers)).status_code == 429


async def test_many_requests_ask_redis_seldom_and_are_limited_all_the_same(
    made: Make, key: RSAKey, valkey: str
) -> None:
    token = {"Authorization": f"Bearer {sign(key)}"}
    async with client_of(made(valkey)) as client:
        statuses = [(await client.get("/plain", headers=token)).status_code for _ in range(2100)]
    assert statuses.count(200) == 2000
    assert statuses[2000:] == [429] * 100


async def test_while_redis_is_away_the_process_counts_alone_without_delay(
    made: Make, key: RSAKey, tmp_path: Path
) -> None:
    with Ports() as ports:
        server = new_server("valkey", tmp_path, ports).start()
        async with client_of(made(server.address)) as client:
            assert (await look_up(client, sign(key))).status_code == 200
            server.kill()
            begun = time.monotonic()
            statuses = [(await look_up(client, sign(key))).status_code for _ in range(5)]
            assert statuses == [200, 200, 200, 429, 429]
            assert time.monotonic() - begun < 10, "it takes 0.1 s"


async def test_no_counter_is_named_by_a_person(made: Make, key: RSAKey, valkey: str, prefix: str) -> None:
    async with client_of(made(valkey)) as client, Redis.from_url(valkey) as redis:
        await look_up(client, sign(key, sub="200615600014"))
        names = [name.decode() async for name in redis.scan_iter(f"{prefix}.limits*")]
        assert names
        assert {await redis.ttl(name) > 0 for name in names} == {True}
    assert not any("200615600014" in name for name in names)


async def test_who_asks_often_at_once_spends_what_it_asks_and_no_more(valkey: str, prefix: str) -> None:
    settings = ServiceSettings(
        mode="local", kafka_servers="unused", limits={"requests": {"organization": "800/hour"}},
        limits_url=SecretStr(valkey), topic_prefix=prefix,
    )  # fmt: skip
    caller = Caller("10.0.0.1", "a", "c1")
    async with limiting(settings) as limits:
        for _ in range(20):
            await asyncio.gather(*(limits.spend(Budget.REQUESTS, caller) for _ in range(40)))
        with pytest.raises(Problem) as refused:
            await limits.spend(Budget.REQUESTS, caller)
    assert refused.value.status == 429, "all 800 are spent, and no more"
