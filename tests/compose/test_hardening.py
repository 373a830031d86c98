"""The composed network needs its secrets, publishes its public APIs only, and confines each process."""

import os
import subprocess

import pytest

from services.kit.settings import CHECKOUT
from services.local.ports import LOOPBACK
from tests.compose.composed import APIS, Composed

PROCESSES = (*APIS, "console", "intake-relay", "referral-relay", "referral-worker", "capacity-relay", "issuer")
SECRETS = (
    "JOLDAMA_POSTGRES_PASSWORD",
    "JOLDAMA_INTAKE_SQL_PASSWORD",
    "JOLDAMA_REFERRAL_SQL_PASSWORD",
    "JOLDAMA_REDIS_PASSWORD",
    "JOLDAMA_KAFKA_ADMIN_PASSWORD",
    "JOLDAMA_KAFKA_INTAKE_RELAY_PASSWORD",
    "JOLDAMA_KAFKA_REFERRAL_PASSWORD",
    "JOLDAMA_KAFKA_REFERRAL_RELAY_PASSWORD",
    "JOLDAMA_KAFKA_REFERRAL_WORKER_PASSWORD",
    "JOLDAMA_KAFKA_CAPACITY_RELAY_PASSWORD",
    "JOLDAMA_INTAKE_DATA_KEYS",
    "JOLDAMA_INTAKE_INDEX_KEYS",
    "JOLDAMA_INTAKE_PSEUDONYM_KEYS",
    "JOLDAMA_INTAKE_OWNER_PASSWORD",
    "JOLDAMA_REFERRAL_OWNER_PASSWORD",
    "JOLDAMA_AUDIT_KEY",
    "JOLDAMA_CONSOLE_KEY",
    "JOLDAMA_CONSOLE_REDIS_PASSWORD",
)


@pytest.mark.parametrize("missing", SECRETS)
def test_without_a_secret_nothing_starts_and_the_secret_is_named(missing: str) -> None:
    environment = {**os.environ, **dict.fromkeys(SECRETS, "0" * 48), missing: ""}
    done = subprocess.run(
        ["docker", "compose", "--env-file", os.devnull, "config", "--quiet"],
        cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert missing in done.stderr


def test_every_process_is_an_ordinary_user_without_capabilities_on_a_read_only_root(composed: Composed) -> None:
    for service in PROCESSES:
        found = composed.inspect(service)
        assert found["Config"]["User"] == "10001:10001", service
        assert found["HostConfig"]["ReadonlyRootfs"], service
        assert found["HostConfig"]["CapDrop"] == ["ALL"], service
        assert "no-new-privileges:true" in found["HostConfig"]["SecurityOpt"], service


def test_the_servers_are_ordinary_users_on_a_read_only_root_too(composed: Composed) -> None:
    for server in ("kafka", "redis", "postgres"):
        found = composed.inspect(server)
        assert found["Config"]["User"] not in ("", "root", "0"), server
        assert found["HostConfig"]["ReadonlyRootfs"], server
        assert found["HostConfig"]["CapDrop"] == ["ALL"], server


def test_kafka_answers_nobody_without_a_login(composed: Composed) -> None:
    listing = composed.compose(
        "exec", "-T", "kafka", "timeout", "20", "/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "kafka:9092",
        "--list", check=False,
    )  # fmt: skip
    assert "joldama" not in listing


def test_only_the_public_apis_are_published_and_on_loopback_only(composed: Composed) -> None:
    published: dict[str, set[str]] = {}
    for service in (*PROCESSES, "kafka", "redis", "postgres"):
        for bindings in composed.inspect(service)["NetworkSettings"]["Ports"].values():
            published.setdefault(service, set()).update(one["HostIp"] for one in bindings or ())
    public = (*APIS, "console")
    assert {service: hosts for service, hosts in published.items() if hosts} == {one: {LOOPBACK} for one in public}


def test_no_service_sees_the_issuers_private_key_or_another_services_database(composed: Composed) -> None:
    assert "issuer-key.json" not in composed.compose("exec", "-T", "intake", "ls", "-R", "/var/lib/joldama")
    urls = composed.compose("exec", "-T", "capacity", "env")
    assert "SQL_URL" not in urls
    refused = composed.compose(
        "exec", "-T", "postgres", "psql", "-U", "intake", "-d", "referral", "-c", "select 1", check=False
    )
    assert "1 row" not in refused


@pytest.mark.parametrize("service", ["intake", "referral"])
def test_a_service_may_only_add_to_its_audit_log(composed: Composed, service: str) -> None:
    as_it = ("exec", "-T", "postgres", "psql", "-U", service, "-d", service, "-c")
    assert "count" in composed.compose(*as_it, "SELECT count(*) FROM audit_log")
    for change in ("DELETE FROM", "TRUNCATE", "DROP TABLE"):
        assert not composed.compose(*as_it, f"{change} audit_log", check=False)
