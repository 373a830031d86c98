"""TLS with certificates of an authority of one's own: Kafka (with clients' certificates too), Redis and PostgreSQL."""

import asyncio
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError
from redis.exceptions import ConnectionError, RedisError
from sqlalchemy import text

from services.capacity.adapters.redis_connection import connect
from services.kit.errors import TransientError
from services.kit.kafka.clients import make_admin
from services.kit.settings import CHECKOUT, Mode, ServiceSettings
from services.kit.sql.database import Database
from services.local.kafka import ADMIN
from services.local.ports import LOOPBACK
from tests.support.postgres import Postgres, installed, running_postgres
from tests.support.tls import KAFKA_ADMIN_PASSWORD, Certificates, running_tls_kafka, running_tls_redis


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls_kafka(certificates: Certificates) -> Iterator[str]:
    with running_tls_kafka(certificates) as address:
        yield address


def kafka_settings(address: str, ca: Path, client: Path | None) -> ServiceSettings:
    login: dict[str, Any] = {"kafka_username": ADMIN, "kafka_sasl_mechanism": "PLAIN"}
    if client:
        login |= {"kafka_certificate_file": client, "kafka_key_file": client}
    return ServiceSettings(
        mode=Mode.PRODUCTION, kafka_servers=address, kafka_security="SASL_SSL", kafka_ca_file=ca,
        kafka_password=KAFKA_ADMIN_PASSWORD, **login,
    )  # fmt: skip


async def test_kafka_by_tls_with_a_client_s_certificate(tls_kafka: str, certificates: Certificates) -> None:
    admin = make_admin(kafka_settings(tls_kafka, certificates.ca, certificates.client))
    await admin.start()
    try:
        assert await admin.list_topics() == []
    finally:
        await admin.close()


@pytest.mark.parametrize(("ca", "client"), [("stranger", "client"), ("ca", None)], ids=["other CA", "no certificate"])
async def test_kafka_is_not_reached_by_another_trust(
    tls_kafka: str, certificates: Certificates, ca: str, client: str | None
) -> None:
    own = getattr(certificates, client) if client else None
    admin = make_admin(kafka_settings(tls_kafka, getattr(certificates, ca), own))
    with pytest.raises(KafkaError):
        await asyncio.wait_for(admin.start(), 30)
    await admin.close()


@pytest.fixture(scope="module")
def tls_redis(certificates: Certificates) -> Iterator[int]:
    with running_tls_redis(certificates) as port:
        yield port


async def test_redis_by_tls(tls_redis: int, certificates: Certificates) -> None:
    async with connect(f"rediss://{LOOPBACK}:{tls_redis}/0?ssl_ca_certs={certificates.ca}", "p") as redis:
        async with redis.pipeline(transaction=False) as pipeline:
            pipeline.set("a", "1")
            pipeline.get("a")
            assert await pipeline.execute() == [True, b"1"]


async def test_redis_is_not_reached_by_another_trust(tls_redis: int, certificates: Certificates) -> None:
    async with connect(f"rediss://{LOOPBACK}:{tls_redis}/0?ssl_ca_certs={certificates.stranger}", "p") as redis:
        with pytest.raises((ConnectionError, RedisError)):
            await redis.ping()


@pytest.fixture(scope="module")
def tls_postgres(certificates: Certificates) -> Iterator[Postgres]:
    """A server that takes nobody without TLS."""
    if not installed():
        pytest.skip("no PostgreSQL here: make test-stack installs one")
    with running_postgres(certificates.server) as server:
        yield server


def by_tls(server: Postgres, ca: Path, host: str = LOOPBACK) -> str:
    return f"{server.url('postgres').replace(LOOPBACK, host)}?sslmode=verify-full&sslrootcert={ca}"


async def cipher(url: str) -> str:
    """The cipher of a connection as the services make one, as PostgreSQL sees it."""
    database = Database(url, pool_size=1)
    query = text("SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    try:
        return str(await database.read(lambda session: session.connection().execute(query).scalar_one()))
    finally:
        await database.close()


async def test_postgresql_by_tls(tls_postgres: Postgres, certificates: Certificates) -> None:
    assert (await cipher(by_tls(tls_postgres, certificates.ca))).startswith("TLS_"), "the connection is encrypted"


@pytest.mark.parametrize(
    ("ca", "host", "why"),
    [("stranger", LOOPBACK, "certificate verify failed"), ("ca", "localhost", 'does not match host name "localhost"')],
    ids=["another authority", "another host name"],
)
async def test_postgresql_is_not_reached_by_another_trust(
    tls_postgres: Postgres, certificates: Certificates, ca: str, host: str, why: str
) -> None:
    with pytest.raises(TransientError) as refused:
        await cipher(by_tls(tls_postgres, getattr(certificates, ca), host))
    assert why in str(refused.value.__cause__)


async def test_postgresql_takes_nobody_in_the_clear(tls_postgres: Postgres) -> None:
    with pytest.raises(TransientError) as refused:
        await cipher(f"{tls_postgres.url('postgres')}?sslmode=disable")
    assert "no encryption" in str(refused.value.__cause__)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "JOLDAMA_REFERRAL_SQL_URL would send data in the clear"),
        ({"JOLDAMA_PLAINTEXT_INSIDE": "yes"}, "no encryption"),
    ],
    ids=["refused before it connects", "told, it connects"],
)
def test_production_connects_in_the_clear_only_when_told(
    tls_postgres: Postgres, told: dict[str, str], why: str
) -> None:
    """The server refuses, which shows that it was asked."""
    environment = {
        "JOLDAMA_MODE": "production", "JOLDAMA_KAFKA_SERVERS": "unused", "JOLDAMA_KAFKA_SECURITY": "SASL_SSL",
        "JOLDAMA_CAPACITY_URL": "https://unused", "JOLDAMA_INTAKE_URL": "https://unused",
        "JOLDAMA_AUDIT_KEY": b64encode(os.urandom(32)).decode(),
        "JOLDAMA_REFERRAL_SQL_URL": f"{tls_postgres.url('postgres')}?sslmode=disable",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "services.referral.entrypoints.migrate"],
        env=environment | told, cwd=CHECKOUT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert why in done.stderr
