"""The whole network in production's mode: TLS on each connection to services, Kafka, Redis and PostgreSQL."""

import json
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx2
import pytest
import redis

from services.local import parts
from services.local.jobs import Job
from services.local.kafka import ADMIN
from services.local.parts import Blueprint, Part
from services.local.passwords import ACLS, kafka_login, kafka_users
from services.local.plan import APIS, CONSOLE, PROBED, Plan
from services.local.ports import LOOPBACK
from tests.support.children import POLYCLINIC
from tests.support.network import RunningNetwork, running_network
from tests.support.one_center import CENTER, child_for_it, register_center
from tests.support.postgres import Postgres, installed, running_postgres
from tests.support.servers import wait_until
from tests.support.tls import KAFKA_ADMIN_PASSWORD, Certificates, running_tls_kafka, running_tls_redis

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


class TlsParts:
    """The network's processes, that have certificates, trust one authority, and are told of no exception."""

    def __init__(self, certificates: Certificates, postgres: Postgres, redis_url: str) -> None:
        self._certificates, self._postgres, self._redis_url = certificates, postgres, redis_url
        self._trusting = ssl.create_default_context(cafile=certificates.ca)

    def blueprint(self) -> Blueprint:
        return Blueprint(
            services=lambda plan: [self._service(plan, part) for part in parts.services(plan)],
            jobs=lambda plan: [self._job(plan, job) for job in parts.jobs(plan)],
        )

    def _service(self, plan: Plan, part: Part) -> Part:
        own = self._shared(plan, part.name) | self._databases("")
        return replace(part, environment={**part.environment, **own}, is_ready=lambda: self._is_ready(plan, part.name))

    def _job(self, plan: Plan, job: Job) -> Job:
        """Owners migrate; Kafka's admin makes users and rules as well as topics."""
        own, command = self._shared(plan, ADMIN) | self._databases("_owner"), job.command
        if job.needs_kafka:
            command += ("--acls", str(ACLS))
            own["JOLDAMA_KAFKA_USER_PASSWORDS"] = json.dumps({user: plan.passwords[user] for user in kafka_users()})
        return replace(job, command=command, environment={**job.environment, **own})

    def _shared(self, plan: Plan, kafka_user: str) -> dict[str, str]:
        own, ca = str(self._certificates.server), str(self._certificates.ca)
        return {
            "JOLDAMA_MODE": "production",
            "JOLDAMA_TLS_CERT_FILE": own,
            "JOLDAMA_TLS_KEY_FILE": own,
            "JOLDAMA_SERVICES_CA_FILE": ca,
            **{f"JOLDAMA_{name.upper()}_URL": inside(plan, name) for name in APIS},
            "JOLDAMA_PROCESSES": json.dumps({name: inside(plan, name) for name in PROBED}),
            "JOLDAMA_CONSOLE_URL": "https://console.example",
            "JOLDAMA_LOCAL_ISSUER_KEY_FILE": "",
            "JOLDAMA_REDIS_URL": self._redis_url,
            **kafka_login(kafka_user, {**plan.passwords, ADMIN: KAFKA_ADMIN_PASSWORD}),
            "JOLDAMA_KAFKA_SECURITY": "SASL_SSL",
            "JOLDAMA_KAFKA_CA_FILE": ca,
            "JOLDAMA_KAFKA_CERTIFICATE_FILE": str(self._certificates.client),
            "JOLDAMA_KAFKA_KEY_FILE": str(self._certificates.client),
        }

    def _databases(self, role: str) -> dict[str, str]:
        checked = f"?sslmode=verify-full&sslrootcert={self._certificates.ca}"
        return {
            f"JOLDAMA_{name.upper()}_SQL_URL": self._postgres.url(name, name + role) + checked
            for name in ("intake", "referral")
        }

    def _is_ready(self, plan: Plan, part: str) -> bool:
        try:
            return httpx2.get(f"{inside(plan, part)}/readyz", verify=self._trusting).is_success
        except httpx2.TransportError:
            return False


def inside(plan: Plan, part: str) -> str:
    return f"https://{LOOPBACK}:{plan.inside_port(part)}"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def redis_url(certificates: Certificates) -> Iterator[str]:
    with running_tls_redis(certificates) as port:
        yield f"rediss://{LOOPBACK}:{port}/0?ssl_ca_certs={certificates.ca}"


@pytest.fixture(scope="module")
def network(certificates: Certificates, redis_url: str) -> Iterator[RunningNetwork]:
    if not installed():
        pytest.skip("no PostgreSQL here: make test-stack installs one")
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres(certificates.server))
        postgres.make_service_databases()
        kafka = stack.enter_context(running_tls_kafka(certificates))
        blueprint = TlsParts(certificates, postgres, redis_url).blueprint()
        addresses = {"JOLDAMA_KAFKA_SERVERS": kafka, "JOLDAMA_REDIS_URL": redis_url}
        network = stack.enter_context(running_network(certificates.ca.parent / "home", blueprint, **addresses))
        register_center(network.url("referral"), network.token("operator"))
        yield network


def test_a_child_goes_from_submission_to_acceptance(network: RunningNetwork) -> None:
    polyclinic, center = network.headers("polyclinic", POLYCLINIC), network.headers("center", CENTER)
    diagnoses = f"{network.url('intake')}/v1/diagnoses"
    submitted = httpx2.post(diagnoses, headers=polyclinic, json=child_for_it(2), timeout=20)
    assert submitted.status_code == 201, submitted.text
    referral = submitted.json()["referral_id"]
    path = f"{network.url('referral')}/v1/referrals/{referral}"
    wait_until(lambda: httpx2.get(path, headers=center).is_success, "the child is offered to the center")
    read = httpx2.get(f"{diagnoses}/{referral}", headers=center, timeout=20)
    assert read.status_code == 200, f"intake has asked the referral service: {read.text}"
    accepted = httpx2.post(f"{path}/accept", headers=center, timeout=20)
    assert accepted.json()["state"] == "accepted"


@pytest.mark.parametrize("part", [*APIS, *PROBED, CONSOLE])
def test_no_part_answers_in_the_clear_inside(network: RunningNetwork, part: str) -> None:
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{network.inside(part)}/livez")


def test_limits_are_counted_in_redis(network: RunningNetwork, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as counters:
        for old in counters.keys("joldama.limits*"):
            counters.delete(old)

        def counted() -> bool:
            httpx2.get(f"{network.url('intake')}/v1/keys", headers=network.headers("operator"))
            return bool(counters.keys("joldama.limits*"))

        wait_until(counted, "a request has been counted in Redis")
        assert {counters.ttl(one) > 0 for one in counters.keys("joldama.limits*")} == {True}, "for a while"
