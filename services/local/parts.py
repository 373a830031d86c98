"""The parts of the network as data: command, environment and readiness check of each process."""

import http.client
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from services.contracts.vocabulary import PROCESSES
from services.kit.launch import COMMAND
from services.kit.local_tokens import AUDIENCE, ISSUER
from services.local.console_assets import assets_folder, assets_stamp
from services.local.issuer import intake_keys, process_token, signing_key_file
from services.local.jars import CACHE, CHECKOUT, default_cache
from services.local.jobs import Job
from services.local.passwords import ACLS, kafka_users
from services.local.plan import PROBED, Plan
from services.local.ports import LOOPBACK
from services.local.stamps import migration_stamp, topics_stamp

SERVERS, APIS, SERVICES = "servers", "apis", "services"
"""The groups, in the order of their start and against that of their stop. APIs need no Kafka and start beside it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process that supervisord keeps running. Parts of one group start and stop together."""

    name: str
    group: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = CHECKOUT
    """The folder in which the command runs."""


def servers(plan: Plan) -> list[Part]:
    """The servers of our own, prepared. Raises JarsRefused when Kafka's jars differ from their sums."""
    parts = []
    for name, server in (("valkey", plan.valkey), ("kafka", plan.kafka)):
        if server:
            server.prepare()
            command = tuple(server.command())
            parts.append(Part(name, SERVERS, command, server.is_ready, server.environment, server.folder))
    return parts


def services(plan: Plan) -> list[Part]:
    """The services' processes. Each gets the addresses of its own databases only."""
    intake = _intake_environment(plan)
    referral = _referral_environment(plan)
    capacity = {"JOLDAMA_REDIS_URL": plan.redis_url, "JOLDAMA_REFERRAL_URL": plan.inside_url("referral")}
    limits = {"JOLDAMA_LIMITS_URL": plan.redis_url}
    intake_api, referral_api, worker, capacity_api, console = (
        {"JOLDAMA_SERVICE_TOKEN_FILE": str(process_token(plan.home, role))} for role in PROCESSES
    )
    signing = {"JOLDAMA_EVENT_KEY": (plan.home.secrets / "event-key").read_text()}
    # restarted under its name it resumes without a rebalance
    worker |= signing | {"JOLDAMA_WORKER_INSTANCE": "1"}
    return [
        _service(plan, APIS, "console", "console.entrypoints.web", _console_environment(plan) | console),
        _service(plan, APIS, "capacity", "capacity.entrypoints.api", capacity | capacity_api),
        _service(plan, APIS, "intake", "intake.entrypoints.api", intake | intake_api | limits | signing),
        _service(plan, APIS, "referral", "referral.entrypoints.api", referral | referral_api | limits),
        _service(plan, SERVICES, "referral-worker", "referral.entrypoints.worker", referral | worker),
        _service(plan, SERVICES, "intake-relay", "intake.entrypoints.relay", intake),
        _service(plan, SERVICES, "referral-relay", "referral.entrypoints.relay", referral),
        _service(plan, SERVICES, "capacity-relay", "capacity.entrypoints.relay", capacity),
    ]


def jobs(plan: Plan) -> list[Job]:
    """Migrations of both databases, the console's assets, and the topics."""
    topics = (*_python("kit.kafka.topics"), str(CHECKOUT / "deploy" / "topics.toml"))
    users: dict[str, str] = {}
    if plan.kafka:
        topics += ("--acls", str(ACLS))
        passwords = {user: plan.passwords[user] for user in kafka_users()}
        users = plan.kafka_login() | {"JOLDAMA_KAFKA_USER_PASSWORDS": json.dumps(passwords)}
    return [
        _migration("intake", plan.intake_sql_url, _intake_environment(plan)),
        _migration("referral", plan.referral_sql_url, _referral_environment(plan)),
        Job("console-assets", _python("local.console_assets"), {CACHE: str(default_cache())}, stamp=assets_stamp),
        Job("topics", topics, users, needs_kafka=True, stamp=partial(topics_stamp, plan.kafka, plan.passwords)),
    ]


def _migration(service: str, url: str, environment: Mapping[str, str]) -> Job:
    command, stamp = _python(f"{service}.entrypoints.migrate"), partial(migration_stamp, service, url)
    return Job(f"migrate-{service}", command, environment, stamp=stamp)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The parts and jobs of a network; tests pass simpler ones."""

    servers: Callable[[Plan], list[Part]] = servers
    services: Callable[[Plan], list[Part]] = services
    jobs: Callable[[Plan], list[Job]] = jobs


def shared_environment(plan: Plan) -> dict[str, str]:
    """The environment of every process of this network."""
    return {
        "JOLDAMA_MODE": "local",
        "JOLDAMA_HOST": LOOPBACK,
        "JOLDAMA_KAFKA_SERVERS": plan.kafka_servers,
        "JOLDAMA_JWKS": str(plan.home.secrets / "jwks.json"),
        "JOLDAMA_ISSUER": ISSUER,
        "JOLDAMA_AUDIENCE": AUDIENCE,
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


def _intake_environment(plan: Plan) -> dict[str, str]:
    keys = {name: f"@{file}" for name, file in intake_keys(plan.home).items()}
    old = plan.home.secrets / "data-key"  # of a home that is older than versions of keys
    if old.exists():
        keys["JOLDAMA_INTAKE_DATA_KEY"] = f"@{old}"
    addresses = {"JOLDAMA_INTAKE_SQL_URL": plan.intake_sql_url, "JOLDAMA_REFERRAL_URL": plan.inside_url("referral")}
    return addresses | keys | _audit(plan, "intake")


def _referral_environment(plan: Plan) -> dict[str, str]:
    addresses = {f"JOLDAMA_{name.upper()}_URL": plan.inside_url(name) for name in ("capacity", "intake")}
    return addresses | {"JOLDAMA_REFERRAL_SQL_URL": plan.referral_sql_url} | _audit(plan, "referral")


def _console_environment(plan: Plan) -> dict[str, str]:
    urls = {f"JOLDAMA_{name.upper()}_URL": plan.url(name) for name in ("console", "intake", "referral", "capacity")}
    return urls | {
        "JOLDAMA_PROCESSES": json.dumps({name: plan.inside_url(name) for name in PROBED}),
        "JOLDAMA_SESSIONS_URL": plan.sessions_url,
        "JOLDAMA_LIMITS_URL": plan.sessions_url,
        "JOLDAMA_CONSOLE_KEY": (plan.home.secrets / "console-key").read_text(),
        "JOLDAMA_LOCAL_ISSUER_KEY_FILE": str(signing_key_file(plan.home)),
        "JOLDAMA_ASSETS": str(assets_folder()),
    }


def _audit(plan: Plan, service: str) -> dict[str, str]:
    return {
        "JOLDAMA_AUDIT_KEY": (plan.home.secrets / "audit-key").read_text(),
        "JOLDAMA_AUDIT_HEAD_FILE": str(plan.home.audit / f"{service}.heads"),
    }


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"services.{module}")


def _service(plan: Plan, group: str, name: str, module: str, environment: Mapping[str, str]) -> Part:
    inside = plan.inside_port(name)
    ports = {"JOLDAMA_PORT": str(plan.ports[name]), "JOLDAMA_INSIDE_PORT": str(inside)}
    own = {**environment, **plan.kafka_login(name), **ports}
    return Part(name, group, (*COMMAND, f"services.{module}"), lambda: answers_ready(inside), own)


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
