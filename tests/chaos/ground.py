"""The network that is made to suffer: gates between its parts, and PostgreSQL where there is one."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from services.local import parts
from services.local.kafka import Kafka
from services.local.parts import Blueprint, Part
from services.local.plan import Plan
from services.local.ports import LOOPBACK
from tests.support.gate import Gates
from tests.support.network import RunningNetwork, running_network
from tests.support.postgres import Postgres, running_postgres


@dataclass
class Ground:
    """One network with all that faults need. `away`: since when, and until when, an operator had a part stopped.

    `keep`: what lies in PostgreSQL is put into the network's folder at the end.
    """

    network: RunningNetwork
    gates: Gates
    postgres: Postgres | None
    away: list[tuple[str, float, float]] = field(default_factory=list)
    keep: bool = False

    @property
    def plan(self) -> Plan:
        return self.network.plan

    def group(self, part: str) -> str:
        return next(one.group for one in self.network.network.parts if one.name == part)

    def was_away(self, part: str, at: float, slack: float = 1.5) -> bool:
        """Whether an operator had stopped `part` at that moment (of `time.monotonic`)."""
        return any(name == part and since - slack <= at <= until + slack for name, since, until in self.away)

    def stop(self, part: str) -> None:
        """As an operator does."""
        self.away.append((part, time.monotonic(), float("inf")))
        self.network.network.supervisor.stop_part(self.group(part), part)

    def start(self, part: str) -> None:
        """Start what `stop` stopped, and wait until it is ready."""
        self.network.network.supervisor.start_part(self.group(part), part)
        [one] = [one for one in self.network.network.parts if one.name == part]
        self.network.network.wait_ready([one])
        self.away = [
            (name, since, time.monotonic()) if name == part and until == float("inf") else (name, since, until)
            for name, since, until in self.away
        ]

    def begin_new_cluster(self) -> None:
        """Stop Kafka, and start an empty one of another id at the same address."""
        assert self.plan.kafka is not None
        self.stop("kafka")
        shutil.rmtree(self.plan.kafka.folder / "data")
        self.plan.kafka.prepare()
        _advertise_gate(self.plan.kafka, self.gates)
        self.start("kafka")


@contextmanager
def ground(folder: Path, with_postgres: bool) -> Iterator[Ground]:
    """A fresh network in `folder`, on PostgreSQL when asked for, else on SQLite."""
    with ExitStack() as stack:
        gates = stack.enter_context(Gates())
        postgres = stack.enter_context(running_postgres()) if with_postgres else None
        environment = {}
        if postgres:
            gates.add("postgres", postgres.port)
            for name in ("intake", "referral"):
                environment[f"JOLDAMA_{name.upper()}_SQL_URL"] = postgres.make_database(name)
        blueprint = Blueprint(lambda plan: _servers(plan, gates), lambda plan: _services(plan, gates))
        with running_network(folder, blueprint, **environment) as network:
            yield (made := Ground(network, gates, postgres))
        if made.keep and postgres:
            postgres.stop()
            shutil.copytree(postgres.folder, folder / "postgres")


def _servers(plan: Plan, gates: Gates) -> list[Part]:
    """The servers, with a gate before Kafka."""
    made = parts.servers(plan)
    assert plan.kafka is not None
    gates.add("kafka", plan.kafka.port)
    _advertise_gate(plan.kafka, gates)
    return made


def _advertise_gate(kafka: Kafka, gates: Gates) -> None:
    """Kafka tells its clients where to come: through the gate."""
    settings = kafka.folder / "server.properties"
    direct = f"advertised.listeners=PLAINTEXT://{kafka.address}"
    text = settings.read_text()
    assert direct in text
    settings.write_text(text.replace(direct, f"advertised.listeners=PLAINTEXT://{LOOPBACK}:{gates.port('kafka')}"))


def _services(plan: Plan, gates: Gates) -> list[Part]:
    """The services, reaching capacity, Redis and PostgreSQL through gates."""
    ways = {"JOLDAMA_CAPACITY_URL": "worker-capacity", "JOLDAMA_REDIS_URL": "capacity-redis"}
    if "postgres" in gates:
        ways |= {"JOLDAMA_INTAKE_SQL_URL": "postgres", "JOLDAMA_REFERRAL_SQL_URL": "postgres"}
    return [replace(one, environment=_detour(one.environment, ways, gates)) for one in parts.services(plan)]


def _detour(environment: Mapping[str, str], ways: dict[str, str], gates: Gates) -> dict[str, str]:
    changed = {}
    for variable, gate in ways.items():
        if variable in environment:
            url = urlsplit(environment[variable])
            assert url.port is not None
            port = gates.port(gate) if gate in gates else gates.add(gate, url.port)
            where = url.netloc.rpartition(":")[0]
            changed[variable] = urlunsplit(url._replace(netloc=f"{where}:{port}"))
    return {**environment, **changed}
