"""The network under test: proxies between its parts, and PostgreSQL where there is one."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from services.local import parts
from services.local.jobs import Job
from services.local.kafka import Kafka
from services.local.parts import Blueprint, Part
from services.local.plan import Plan
from services.local.ports import LOOPBACK, Ports
from tests.chaos.doubles import doubled, with_doubles
from tests.chaos.scenario import SECOND
from tests.support.network import RunningNetwork, running_network
from tests.support.postgres import Postgres, running_postgres
from tests.support.tcp_proxy import TcpProxies


@dataclass
class Testbed:
    """One network with its proxies. `stops`: each part that an operator had stopped, from when until when.

    `keep`: PostgreSQL's data is copied into the network's folder at the end.
    """

    network: RunningNetwork
    proxies: TcpProxies
    postgres: Postgres | None
    stops: list[tuple[str, float, float]] = field(default_factory=list)
    keep: bool = False

    @property
    def plan(self) -> Plan:
        return self.network.plan

    def jobs(self) -> list[Job]:
        """The network's jobs, on today's code."""
        return _jobs(self.postgres)(self.plan)

    def group(self, part: str) -> str:
        return next(one.group for one in self.network.network.parts if one.name == part)

    def was_stopped(self, part: str, at: float, slack: float = 1.5) -> bool:
        """Whether an operator had stopped `part`, or its second process, at that moment of `time.monotonic`."""
        meant = part, part + SECOND
        return any(name in meant and since - slack <= at <= until + slack for name, since, until in self.stops)

    def stop(self, part: str) -> None:
        """As an operator does."""
        self.stops.append((part, time.monotonic(), float("inf")))
        self.network.network.supervisor.stop_part(self.group(part), part)

    def start(self, *names: str) -> None:
        """Start stopped parts, and wait until each is ready."""
        for part in names:
            self.network.network.supervisor.start_part(self.group(part), part)
        self.network.network.wait_ready([one for one in self.network.network.parts if one.name in names])
        self.stops = [
            (name, since, time.monotonic()) if name in names and until == float("inf") else (name, since, until)
            for name, since, until in self.stops
        ]

    def replace_cluster(self) -> None:
        """Stop Kafka, and start an empty cluster of another id at the same address."""
        assert self.plan.kafka is not None
        self.stop("kafka")
        shutil.rmtree(self.plan.kafka.folder / "data")
        self.plan.kafka.prepare()
        _advertise_proxy(self.plan.kafka, self.proxies)
        self.start("kafka")


Change = Callable[[Blueprint], Blueprint]


@contextmanager
def running_testbed(
    folder: Path, with_postgres: bool, change: Change = lambda given: given, *, twice: bool = False
) -> Iterator[Testbed]:
    """A fresh network in `folder`, on PostgreSQL when asked for, else on SQLite; `change` its blueprint.

    `twice`: each process of the services has a double.
    """
    with ExitStack() as stack:
        proxies, ports = stack.enter_context(TcpProxies()), stack.enter_context(Ports())
        postgres = stack.enter_context(running_postgres()) if with_postgres else None
        if postgres:
            proxies.add("postgres", postgres.port)
            postgres.make_service_databases()
        blueprint = Blueprint(
            lambda plan: _servers(plan, proxies),
            lambda plan: with_doubles(_services(plan, proxies), ports) if twice else _services(plan, proxies),
            _jobs(postgres),
        )
        with running_network(folder, change(blueprint), **(postgres.service_urls() if postgres else {})) as network:
            yield (bed := Testbed(doubled(network) if twice else network, proxies, postgres))
        if bed.keep and postgres:
            postgres.stop()
            shutil.copytree(postgres.folder, folder / "postgres")


def _jobs(postgres: Postgres | None) -> Callable[[Plan], list[Job]]:
    return postgres.jobs if postgres else parts.jobs


def _servers(plan: Plan, proxies: TcpProxies) -> list[Part]:
    """The servers, with a proxy before Kafka."""
    made = parts.servers(plan)
    assert plan.kafka is not None
    proxies.add("kafka", plan.kafka.port)
    _advertise_proxy(plan.kafka, proxies)
    return made


def _advertise_proxy(kafka: Kafka, proxies: TcpProxies) -> None:
    """Kafka advertises the proxy to its clients."""
    settings = kafka.folder / "server.properties"
    direct = f"advertised.listeners=BROKER://{kafka.address}"
    text = settings.read_text()
    assert direct in text
    settings.write_text(text.replace(direct, f"advertised.listeners=BROKER://{LOOPBACK}:{proxies.port('kafka')}"))


def _services(plan: Plan, proxies: TcpProxies) -> list[Part]:
    """The services, which reach capacity, Redis and PostgreSQL through proxies; the console calls public ports only."""
    proxied = {"JOLDAMA_CAPACITY_URL": "worker-capacity", "JOLDAMA_REDIS_URL": "capacity-redis"}
    if "postgres" in proxies:
        proxied |= {"JOLDAMA_INTAKE_SQL_URL": "postgres", "JOLDAMA_REFERRAL_SQL_URL": "postgres"}
    return [
        one if one.name == "console" else replace(one, environment=_reroute(one.environment, proxied, proxies))
        for one in parts.services(plan)
    ]


def _reroute(environment: Mapping[str, str], proxied: dict[str, str], proxies: TcpProxies) -> dict[str, str]:
    changed = {}
    for variable, name in proxied.items():
        if variable in environment:
            url = urlsplit(environment[variable])
            assert url.port is not None
            port = proxies.port(name) if name in proxies else proxies.add(name, url.port)
            host = url.netloc.rpartition(":")[0]
            changed[variable] = urlunsplit(url._replace(netloc=f"{host}:{port}"))
    return {**environment, **changed}
