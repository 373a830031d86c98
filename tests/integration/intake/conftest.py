"""Intake on a real database, with tokens of a made-up issuer."""

import time
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey

from services.contracts.access import MAY_READ, ReferralAccess
from services.contracts.vocabulary import ReferralState
from services.intake.adapters.history import HISTORY
from services.intake.bootstrap import Intake
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from services.kit.errors import TransientError
from services.kit.sql.migrations import History

ISSUER = "https://issuer.test"


@pytest.fixture(scope="session")
def issuer_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Reference data of two settlements and three codes."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "settlements.csv").write_text(
        "id,name_kk,name_ru,name_en,region_id,latitude,longitude,population\n"
        "almaty,Алматы,Алматы,Almaty,KZ-75,43.25,76.95,2000000\n"
        "astana,Астана,Астана,Astana,KZ-71,51.18,71.45,\n"
    )
    (folder / "days_off.csv").write_text("date,day,source\n")
    (folder / "icd10.csv").write_text("code,title\nG80,Cerebral palsy\nG80.1,Spastic diplegic\nF84.0,Autism\n")
    return folder


@pytest.fixture
def settings(
    migrated_database: Callable[[str, History], str], data: Path, issuer_key: RSAKey, tmp_path: Path
) -> IntakeSettings:
    """Settings of a migrated database of the test's own."""
    jwks = tmp_path / "jwks.json"
    jwks.write_bytes(orjson.dumps({"keys": [issuer_key.as_dict(private=False)]}))
    return IntakeSettings(
        mode="local",
        kafka_servers="127.0.0.1:1",
        jwks=str(jwks),
        issuer=ISSUER,
        data=data,
        referral_url="http://127.0.0.1:1",
        intake_sql_url=migrated_database("intake", HISTORY),
    )


@pytest.fixture
def token(issuer_key: RSAKey) -> Callable[..., str]:
    def make(role: str, org: str = "") -> str:
        """`role` may be several, joined by `+`."""
        claims = {"iss": ISSUER, "aud": "joldama", "exp": int(time.time()) + 600, "sub": f"{role}-1"}
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims | {"roles": role.split("+"), "org": org}, issuer_key)

    return make


class ReferralsInMemory:
    """What the referral service would answer. `away` makes it fail."""

    def __init__(self) -> None:
        self.now: dict[UUID, ReferralAccess] = {}
        self.asked: list[set[UUID]] = []
        self.away = False

    async def ask(self, referral_ids: Collection[UUID]) -> dict[UUID, ReferralAccess]:
        self.asked.append(set(referral_ids))
        if self.away:
            raise TransientError("away")
        return {id: self.now[id] for id in referral_ids if id in self.now}

    def set(self, receipt: dict[str, Any], state: ReferralState, center: str = "c1") -> None:
        """The referral of the receipt is in that state, with that center when it has an open offer."""
        id = UUID(receipt["referral_id"])
        center_id = center if state in MAY_READ else None
        self.now[id] = ReferralAccess(referral_id=id, version=1, state=state, center_id=center_id)


@pytest.fixture
def referrals() -> ReferralsInMemory:
    return ReferralsInMemory()


@pytest.fixture
async def api(settings: IntakeSettings, referrals: ReferralsInMemory) -> AsyncIterator[FastAPI]:
    app = create_api(settings, referrals).inside
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def intake(api: FastAPI) -> Intake:
    found: Intake = api.state.intake
    return found


Client = Callable[..., httpx2.AsyncClient]


@pytest.fixture
async def client(api: FastAPI, token: Callable[..., str]) -> AsyncIterator[Client]:
    """`client("polyclinic", "p1")`: an HTTP client with that token."""
    opened: list[httpx2.AsyncClient] = []

    def make(role: str, org: str = "") -> httpx2.AsyncClient:
        opened.append(
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(api),
                base_url="http://intake",
                headers={"Authorization": f"Bearer {token(role, org)}"},
            )
        )
        return opened[-1]

    yield make
    for one in opened:
        await one.aclose()


@pytest.fixture
async def polyclinic(client: Client) -> httpx2.AsyncClient:
    return client("polyclinic", "p1")
