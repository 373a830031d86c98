"""Intake on a real database, with tokens of a made-up issuer."""

import base64
import os
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import text

from services.contracts.access import MAY_READ, ReferralAccess
from services.contracts.family import FamilyOutlook
from services.contracts.vocabulary import ReferralState
from services.intake.adapters.aes_vault import AesVault, _derive
from services.intake.adapters.history import HISTORY
from services.intake.bootstrap import Intake
from services.intake.domain.keys import UNVERSIONED, KeyPurpose
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from services.kit.errors import TransientError
from services.kit.sql.database import Database
from services.kit.sql.migrations import History
from tests.integration.intake.key_rings import Api, new_key
from tests.unit.intake.samples import submission

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
        event_key=b64encode(bytes(range(32))).decode(),
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
        self.outlooks: dict[UUID, FamilyOutlook] = {}
        self.away = False

    async def ask(self, referral_ids: Collection[UUID]) -> dict[UUID, ReferralAccess]:
        self.asked.append(set(referral_ids))
        if self.away:
            raise TransientError("away")
        return {id: self.now[id] for id in referral_ids if id in self.now}

    async def outlook(self, referral_id: UUID) -> FamilyOutlook:
        if self.away:
            raise TransientError("away")
        return self.outlooks.get(referral_id, FamilyOutlook(state=ReferralState.SUBMITTED))

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


@pytest.fixture
def keys() -> dict[str, str]:
    """A first key of each kind."""
    return {f"intake_{one}_keys": f"1:{new_key()}" for one in KeyPurpose}


@pytest.fixture
def served(settings: IntakeSettings, referrals: ReferralsInMemory, token: Callable[..., str]) -> Api:
    """`served(intake_data_keys=…)`: a process with these settings, as a client of polyclinic p1."""

    @asynccontextmanager
    async def serve(role: str = "polyclinic", **changes: str) -> AsyncIterator[httpx2.AsyncClient]:
        app = create_api(IntakeSettings(**settings.model_dump() | changes), referrals).inside
        headers = {"Authorization": f"Bearer {token(role, 'p1')}"}
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app), base_url="http://intake", headers=headers
            ) as client,
        ):
            yield client

    return serve


def _sealed_of_old(key: bytes, child_id: UUID, plain: bytes) -> bytes:
    nonce = os.urandom(12)
    return _derive(key, "key id")[:4] + nonce + AESGCM(_derive(key, "seal")).encrypt(nonce, plain, child_id.bytes)


@pytest.fixture
def old(settings: IntakeSettings, new_database: Callable[[str], str]) -> tuple[IntakeSettings, dict[str, str], bytes]:
    """A database of before children had keys, with a child; the settings of its one key, and the key."""
    key, receipt = os.urandom(32), {"referral_id": str(uuid4()), "child_id": str(uuid4())}
    url = new_database("old")
    replace(HISTORY, head="0006").migrate(url)
    database, child_id = Database(url), UUID(receipt["child_id"])
    sent = submission()
    unversioned = {"intake_sql_url": url, "intake_data_key": base64.b64encode(key).decode()}
    found = IntakeSettings(**settings.model_dump() | unversioned)
    vault = AesVault(found.keys)
    index = vault.indexes(sent.child.iin or "")[UNVERSIONED]
    sealed = _sealed_of_old(key, child_id, sent.model_dump_json(exclude_none=True).encode())
    like = ("likeness", sent.child.birth_date.isoformat(), sent.child.sex.value, sent.guardian.phone)
    ids = (child_id, UUID(receipt["referral_id"]))
    bound, referral = (one if url.startswith("postgresql") else one.hex for one in ids)
    with database.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO child (child_id, iin_index, created_at, version) VALUES (:child_id, :index, 1, 1)"),
            {"child_id": bound, "index": index},
        )
        connection.execute(
            text(
                "INSERT INTO diagnosis (referral_id, child_id, polyclinic_id, submitted_at, priority, open_iin, "
                "open_likeness, sealed) VALUES (:referral_id, :child_id, 'p1', 1760000000000, 'routine', :index, "
                ":likeness, :sealed)"
            ),
            {
                "referral_id": referral, "child_id": bound, "index": index, "sealed": sealed,
                "likeness": vault.digests(*(one.encode() for one in like))[UNVERSIONED],
            },
        )  # fmt: skip
        connection.execute(
            text(
                "INSERT INTO audit (read_at, subject, role, org, action, child_id, referral_id, sealed_before, "
                "sealed_after) VALUES (1, 's', 'polyclinic', 'p1', 'diagnosis.correct', :child_id, :child_id, :a, :a)"
            ),
            {"child_id": bound, "a": sealed},
        )
    database.engine.dispose()
    HISTORY.migrate(url)
    return found, receipt, key
