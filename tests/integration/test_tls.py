"""TLS with certificates of an authority of one's own: Kafka by SASL_SSL with a client's certificate, Redis by rediss://."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiokafka.errors import KafkaError
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from redis.exceptions import ConnectionError, RedisError

from services.capacity.adapters.redis_connection import connect
from services.kit.kafka.clients import make_admin
from services.kit.settings import Mode, ServiceSettings
from services.local.kafka import ADMIN, Kafka
from services.local.ports import LOOPBACK, Ports
from tests.support.servers import Server, wait_until

PASSWORD = "f" * 48


class Certificates:
    """An authority, a server's certificate for loopback, and a client's, as PEM files in `folder`."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca, self.server, self.client = (folder / name for name in ("ca.pem", "server.pem", "client.pem"))
        authority.cert_pem.write_to_path(str(self.ca))
        for file, name in ((self.server, LOOPBACK), (self.client, "client@example.org")):
            issued = authority.issue_cert(name)
            chain = b"".join(one.bytes() for one in issued.cert_chain_pems)
            file.write_bytes(_as_java_reads_it(issued.private_key_pem.bytes()) + chain)
        self.stranger = folder / "stranger.pem"
        trustme.CA().cert_pem.write_to_path(str(self.stranger))


def _as_java_reads_it(key: bytes) -> bytes:
    """PKCS #8."""
    read = load_pem_private_key(key, None)
    return read.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


class TlsKafka(Kafka):
    """A node whose clients come by TLS, with a certificate of their own."""

    def lay_out(self, jars: Path) -> None:
        super().lay_out(jars)
        settings, folder = self.folder / "server.properties", self.folder.parent
        text = settings.read_text().replace("map=BROKER:SASL_PLAINTEXT", "map=BROKER:SASL_SSL")
        text += f"ssl.keystore.type=PEM\nssl.keystore.location={folder / 'server.pem'}\n"
        text += f"ssl.truststore.type=PEM\nssl.truststore.location={folder / 'ca.pem'}\n"
        settings.write_text(text + "listener.name.broker.ssl.client.auth=required\n")

    def is_ready(self) -> bool:
        log = self.folder / "server.log"
        return log.exists() and "Kafka Server started" in log.read_text()


@pytest.fixture(scope="module")
def tls_kafka(certificates: Certificates) -> Iterator[str]:
    with Ports() as ports:
        node = TlsKafka(certificates.ca.parent / "kafka", ports.choose(), ports.choose(), PASSWORD)
        server = Server(node)
        try:
            yield server.start().address
        finally:
            server.stop()


def kafka_settings(address: str, ca: Path, client: Path | None) -> ServiceSettings:
    login: dict[str, Any] = {"kafka_username": ADMIN, "kafka_password": PASSWORD, "kafka_sasl_mechanism": "PLAIN"}
    if client:
        login |= {"kafka_certificate_file": client, "kafka_key_file": client}
    return ServiceSettings(
        mode=Mode.PRODUCTION, kafka_servers=address, kafka_security="SASL_SSL", kafka_ca_file=ca, **login
    )


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
def tls_redis(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Redis of Debian's, with TLS only; Valkey's wheel is built without."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server here: make test-stack installs one")
    with Ports() as ports:
        port, folder = ports.choose(), tmp_path_factory.mktemp("redis")
        own = str(certificates.server)
        tls = ["--tls-port", str(port), "--tls-cert-file", own, "--tls-key-file", own,
               "--tls-ca-cert-file", str(certificates.ca), "--tls-auth-clients", "no"]  # fmt: skip
        command = [program, "--port", "0", "--bind", LOOPBACK, "--dir", str(folder), "--save", "", *tls]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until(lambda: b"Ready to accept" in (folder / "log").read_bytes(), "Redis is ready", process)
            yield port
        finally:
            process.terminate()
            process.wait()


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
