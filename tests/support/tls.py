"""Certificates of an authority of one's own, and servers that are reached by TLS only."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from services.local.kafka import Kafka
from services.local.ports import LOOPBACK, Ports
from tests.support.servers import Server, wait_until

KAFKA_ADMIN_PASSWORD = "f" * 48


class Certificates:
    """An authority, certificates of it (a server's for loopback, one for another host, a client's), as PEM in `folder`.

    A certificate's file has its key too. `stranger` is another authority.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca, self.stranger = folder / "ca.pem", folder / "stranger.pem"
        self.server, self.elsewhere, self.client = (folder / f"{one}.pem" for one in ("server", "elsewhere", "client"))
        authority.cert_pem.write_to_path(str(self.ca))
        trustme.CA().cert_pem.write_to_path(str(self.stranger))
        names = {self.server: LOOPBACK, self.elsewhere: "server.example.org", self.client: "client@example.org"}
        for file, name in names.items():
            issued = authority.issue_cert(name)
            chain = b"".join(one.bytes() for one in issued.cert_chain_pems)
            file.write_bytes(_as_java_reads_it(issued.private_key_pem.bytes()) + chain)


def _as_java_reads_it(key: bytes) -> bytes:
    """PKCS #8."""
    read = load_pem_private_key(key, None)
    return read.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class TlsKafka(Kafka):
    """A node whose clients come by TLS, with a certificate of their own; those files are in the folder above."""

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


@contextmanager
def running_tls_kafka(certificates: Certificates) -> Iterator[str]:
    """The address of a Kafka whose admin has KAFKA_ADMIN_PASSWORD."""
    with Ports() as ports:
        folder = certificates.ca.parent / "kafka"
        server = Server(TlsKafka(folder, ports.choose(), ports.choose(), KAFKA_ADMIN_PASSWORD))
        try:
            yield server.start().address
        finally:
            server.stop()


@contextmanager
def running_tls_redis(certificates: Certificates) -> Iterator[int]:
    """The port of a Redis of Debian's; Valkey's wheel is built without TLS."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server here: make test-stack installs one")
    folder = certificates.ca.parent / "redis"
    folder.mkdir()
    with Ports() as ports:
        port, own = ports.choose(), str(certificates.server)
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
