"""The parts of the network as data: what each one runs, with which environment, and when it is ready."""

import http.client
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from services.local.issuer import AUDIENCE, ISSUER
from services.local.jars import CHECKOUT
from services.local.jobs import Job
from services.local.plan import Plan
from services.local.ports import LOOPBACK
from services.local.stamps import migration_stamp, topics_stamp

SERVERS, APIS, SERVICES = "servers", "apis", "services"
"""Started in this order and stopped in the reverse; APIs need no Kafka, so they start beside it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process that is kept running. Parts of one group start and stop together."""

    name: str
    group: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)


def servers(plan: Plan) -> list[Part]:
    """The servers that are our own. Raises JarsRefused when Kafka's jars are not what they should be."""
    parts = []
    if plan.valkey:
        plan.valkey.prepare()
        parts.append(Part("valkey", SERVERS, tuple(plan.valkey.command()), plan.valkey.is_ready))
    if plan.kafka:
        plan.kafka.prepare()
        parts.append(Part("kafka", SERVERS, tuple(plan.kafka.command()), plan.kafka.is_ready))
    return parts


def services(plan: Plan) -> list[Part]:
    """The services' processes. Each sees the databases that are its own, and no other."""
    intake = _intake_environment(plan)
    referral = {"JOLDAMA_REFERRAL_SQL_URL": plan.referral_sql_url, "JOLDAMA_CAPACITY_URL": plan.url("capacity")}
    capacity = {"JOLDAMA_REDIS_URL": plan.redis_url}
    return [
        _service(plan, APIS, "capacity", "capacity.entrypoints.api", capacity),
        _service(plan, APIS, "intake", "intake.entrypoints.api", intake),
        _service(plan, APIS, "referral", "referral.entrypoints.api", referral),
        _service(plan, SERVICES, "referral-worker", "referral.entrypoints.worker", referral),
        _service(plan, SERVICES, "intake-relay", "intake.entrypoints.relay", intake),
        _service(plan, SERVICES, "referral-relay", "referral.entrypoints.relay", referral),
        _service(plan, SERVICES, "capacity-relay", "capacity.entrypoints.relay", capacity),
    ]


def jobs(plan: Plan) -> list[Job]:
    """Migrations of both databases, and the topics."""
    referral = {"JOLDAMA_REFERRAL_SQL_URL": plan.referral_sql_url, "JOLDAMA_CAPACITY_URL": plan.url("capacity")}
    topics = str(CHECKOUT / "deploy" / "topics.toml")
    return [
        Job(
            "migrate-intake",
            _python("intake.entrypoints.migrate"),
            _intake_environment(plan),
            stamp=partial(migration_stamp, "intake", plan.intake_sql_url),
        ),
        Job(
            "migrate-referral",
            _python("referral.entrypoints.migrate"),
            referral,
            stamp=partial(migration_stamp, "referral", plan.referral_sql_url),
        ),
        Job("topics", (*_python("kit.topics"), topics), needs_kafka=True, stamp=partial(topics_stamp, plan.kafka)),
    ]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a network is made of; tests put simpler parts in."""

    servers: Callable[[Plan], list[Part]] = servers
    services: Callable[[Plan], list[Part]] = services
    jobs: Callable[[Plan], list[Job]] = jobs


def shared_environment(plan: Plan) -> dict[str, str]:
    """What every process of this network is told."""
    return {
        "JOLDAMA_MODE": "local",
        "JOLDAMA_HOST": LOOPBACK,
        "JOLDAMA_KAFKA_SERVERS": plan.kafka_servers,
        "JOLDAMA_JWKS": str(plan.home.secrets / "jwks.json"),
        "JOLDAMA_ISSUER": ISSUER,
        "JOLDAMA_AUDIENCE": AUDIENCE,
        "JOLDAMA_SERVICE_TOKEN_FILE": str(plan.home.secrets / "service-token"),
        "PYTHONUNBUFFERED": "1",
    }


def _intake_environment(plan: Plan) -> dict[str, str]:
    key = (plan.home.secrets / "data-key").read_text()
    return {"JOLDAMA_INTAKE_SQL_URL": plan.intake_sql_url, "JOLDAMA_INTAKE_DATA_KEY": key}


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"services.{module}")


def _service(plan: Plan, group: str, name: str, module: str, environment: Mapping[str, str]) -> Part:
    port = plan.ports[name]
    return Part(
        name,
        group,
        _python(module),
        lambda: answers_ready(port),
        {**environment, "JOLDAMA_PORT": str(port)},
    )


def answers_ready(port: int) -> bool:
    """Whether `GET /readyz` on loopback answers 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=6)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
