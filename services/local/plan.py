"""The plan of one start: ports, addresses, and the servers of its own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from services.local.home import Home
from services.local.kafka import ADMIN, Kafka
from services.local.passwords import CONSOLE as CONSOLE_USER
from services.local.passwords import VALKEY, kafka_login, server_passwords
from services.local.ports import LOOPBACK, Ports
from services.local.valkey import Valkey

CONSOLE = "console"
APIS = ("intake", "referral", "capacity")
PROBED = ("intake-relay", "referral-worker", "referral-relay", "capacity-relay")
"""The processes without an API: their one port is inside."""
DEFAULT_PORTS = {
    "kafka": 9192,
    "kafka-controller": 9193,
    "valkey": 6479,
    "console": 8100,
    "intake": 8101,
    "referral": 8102,
    "capacity": 8103,
    "console-inside": 8120,
    "intake-inside": 8121,
    "referral-inside": 8122,
    "capacity-inside": 8123,
    "intake-relay": 8111,
    "referral-worker": 8112,
    "referral-relay": 8113,
    "capacity-relay": 8114,
}


class PortTaken(RuntimeError):
    """A port that the environment names is not free, or is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All ports and addresses. `kafka` and `valkey` are None when the environment names their address."""

    home: Home
    ports: Mapping[str, int]
    kafka: Kafka | None
    valkey: Valkey | None
    kafka_servers: str
    redis_url: str = field(repr=False)
    sessions_url: str = field(repr=False)
    intake_sql_url: str = field(repr=False)
    referral_sql_url: str = field(repr=False)
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of the servers' users, by name."""

    def kafka_login(self, user: str = ADMIN) -> dict[str, str]:
        """The environment by which `user` signs in to our own Kafka; empty for nobody's name and another Kafka."""
        return kafka_login(user, self.passwords) if self.kafka else {}

    def url(self, api: str) -> str:
        """Base URL of the public port of the console, or of `intake`, `referral` or `capacity`."""
        return f"http://{LOOPBACK}:{self.ports[api]}"

    def inside_port(self, part: str) -> int:
        """The port of a part's probes, metrics, documentation and routes for services."""
        return self.ports.get(f"{part}-inside") or self.ports[part]

    def inside_url(self, part: str) -> str:
        return f"http://{LOOPBACK}:{self.inside_port(part)}"

    def as_file(self) -> dict[str, Any]:
        """The content of `network.json`, for people, the `joldama` command and the next start."""
        return {
            **{name: self.url(name) for name in (CONSOLE, *APIS)},
            "inside": {name: self.inside_url(name) for name in (CONSOLE, *APIS, *PROBED)},
            "kafka": self.kafka_servers,
            "redis": self.redis_url,
            "sql": {"intake": self.intake_sql_url, "referral": self.referral_sql_url},
            "logs": str(self.home.logs),
            "ports": dict(self.ports),
        }


def make_plan(home: Home, ports: Ports, environment: Mapping[str, str] = os.environ) -> Plan:
    """Choose ports (the environment's, else the last ones, else the usual ones, else free ones) and addresses.

    A Kafka, Redis or SQL address in `environment` replaces a server of our own. Raises PortTaken.
    """
    kafka_servers = environment.get("JOLDAMA_KAFKA_SERVERS")
    redis_url = environment.get("JOLDAMA_REDIS_URL")
    unused = {"kafka", "kafka-controller"} if kafka_servers else set()
    unused |= {"valkey"} if redis_url else set()
    chosen = _choose(home, ports, environment, unused)
    passwords = server_passwords(home)
    nodes = chosen.get("kafka", 0), chosen.get("kafka-controller", 0)
    kafka = None if kafka_servers else Kafka(home.root / "kafka", *nodes, passwords[ADMIN])
    valkey = (
        None
        if redis_url
        else Valkey(home.root / "valkey", chosen["valkey"], passwords[VALKEY], passwords[CONSOLE_USER])
    )
    return Plan(
        home=home,
        ports=chosen,
        kafka=kafka,
        valkey=valkey,
        kafka_servers=kafka_servers or (kafka.address if kafka else ""),
        redis_url=redis_url or (valkey.url if valkey else ""),
        sessions_url=environment.get("JOLDAMA_SESSIONS_URL") or (valkey.console_url if valkey else redis_url or ""),
        intake_sql_url=environment.get("JOLDAMA_INTAKE_SQL_URL") or _sqlite(home, "intake"),
        referral_sql_url=environment.get("JOLDAMA_REFERRAL_SQL_URL") or _sqlite(home, "referral"),
        passwords=passwords,
    )


def _choose(home: Home, ports: Ports, environment: Mapping[str, str], unused: set[str]) -> dict[str, int]:
    remembered, chosen = home.read().get("ports", {}), {}
    for name, usual in DEFAULT_PORTS.items():
        if name in unused:
            continue
        variable = f"JOLDAMA_{name.upper().replace('-', '_')}_PORT"
        named = environment.get(variable)
        wanted = _port(variable, named) if named else remembered.get(name, usual)
        chosen[name] = ports.choose(wanted)
        if named and chosen[name] != wanted:
            raise PortTaken(
                f"{variable}: port {wanted} is taken by another program. Name another one, or unset {variable}: "
                "a free one is chosen then."
            )
    return chosen


def _port(variable: str, text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65_536:
        return int(text)
    raise PortTaken(f"{variable}: {text!r} is no port; it is a number from 1 to 65535.")


def _sqlite(home: Home, service: str) -> str:
    return f"sqlite:///{quote(f'{home.sql / service}.sqlite3')}"
