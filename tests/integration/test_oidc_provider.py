"""The whole network on a real OIDC provider: its processes by client credentials, people by signing in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.contracts.vocabulary import PROCESSES
from services.local import parts
from services.local.parts import Blueprint, Part
from services.local.plan import Plan
from services.local.ports import Ports
from tests.support.children import POLYCLINIC
from tests.support.network import RunningNetwork, running_network
from tests.support.oidc import Provider, client_secret
from tests.support.one_center import CENTER, child_for_it, register_center
from tests.support.servers import wait_until

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]
OTHER = "far"
MAX_AGE = 4
"""Seconds for which a withdrawn key is believed."""
_CLIENTS = {
    "intake": "intake-api",
    "referral": "referral-api",
    "referral-worker": "referral-worker",
    "capacity": "capacity-api",
    "console": "console",
}


@dataclass(frozen=True)
class Country:
    """A network with one center, and the provider that signs for everybody in it."""

    network: RunningNetwork
    provider: Provider

    def ask(self, service: str, method: str, path: str, token: str, **more: Any) -> httpx2.Response:
        url, headers = self.network.url(service) + path, {"Authorization": f"Bearer {token}"}
        return httpx2.request(method, url, headers=headers, timeout=20, **more)

    def person(self, role: str, org: str = "") -> str:
        return str(self.provider.of_person(role, org)["access_token"])


def blueprint(provider: Provider, secrets: Path) -> Blueprint:
    """The network's parts, which know this provider instead of the local issuer, and no token file."""
    for name in PROCESSES:
        (secrets / name).write_text(client_secret(name))
    shared = {
        "JOLDAMA_JWKS": f"{provider.url}/jwks", "JOLDAMA_ISSUER": provider.url, "JOLDAMA_SERVICE_TOKEN_FILE": "",
        "JOLDAMA_JWKS_MAX_AGE": str(MAX_AGE),
    }  # fmt: skip

    def of(part: Part) -> Part:
        client = _CLIENTS.get(part.name)
        own = {
            "JOLDAMA_TOKEN_URL": f"{provider.url}/token", "JOLDAMA_CLIENT_ID": client,
            "JOLDAMA_CLIENT_SECRET_FILE": str(secrets / client),
        } if client else {}  # fmt: skip
        return replace(part, environment={**part.environment, **shared, **own})

    def services(plan: Plan) -> list[Part]:
        return [of(part) for part in parts.services(plan)]

    return Blueprint(services=services)


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    folder = tmp_path_factory.mktemp("provider")
    with Ports() as ports:
        provider = Provider(folder, ports.choose())
        provider.start("first")
        try:
            with running_network(folder / "home", blueprint(provider, folder)) as network:
                found = Country(network, provider)
                register_center(network.url("referral"), found.person("operator"))
                yield found
        finally:
            provider.stop()


def submit(country: Country, seed: int) -> str:
    """A child's referral, once it is offered to the center: the worker has claimed a place with its own token."""
    polyclinic, center = country.person("polyclinic", POLYCLINIC), country.person("center", CENTER)
    submitted = country.ask("intake", "POST", "/v1/diagnoses", polyclinic, json=child_for_it(seed))
    assert submitted.status_code == 201, submitted.text
    referral = str(submitted.json()["referral_id"])

    def offered() -> bool:
        return country.ask("referral", "GET", f"/v1/referrals/{referral}", center).is_success

    wait_until(offered, "the child is offered to the center")
    return referral


def test_a_child_finds_its_center_and_only_that_center_reads_it(country: Country) -> None:
    referral = submit(country, seed=2)
    statuses = [
        country.ask("intake", "GET", f"/v1/diagnoses/{referral}", country.person("center", org)).status_code
        for org in (CENTER, OTHER)
    ]
    assert statuses == [200, 404], "intake has asked the referral service, with its own token"


def test_an_id_token_opens_nothing(country: Country) -> None:
    tokens = country.provider.of_person("operator")
    assert country.ask("referral", "GET", "/v1/referrals", tokens["access_token"]).status_code == 200
    assert country.ask("referral", "GET", "/v1/referrals", tokens["id_token"]).status_code == 401


@pytest.mark.parametrize("client", PROCESSES)
def test_a_process_may_do_no_more_than_it_needs(country: Country, client: str) -> None:
    token = country.provider.of_process(client)
    inside = country.network.plan.inside_url("capacity")
    headers = {"Authorization": f"Bearer {token}"}
    batch = httpx2.post(f"{inside}/v1/claims/batch", headers=headers, json={})
    claims = httpx2.get(f"{inside}/v1/claims", headers=headers)
    expected = {"referral-worker": (422, 200), "referral-api": (403, 200)}
    assert (batch.status_code, claims.status_code) == expected.get(client, (403, 403))
    assert country.ask("referral", "GET", "/v1/referrals", token).status_code == 403


def test_keys_are_rotated_while_the_network_goes_on(country: Country) -> None:
    old = country.person("operator")
    country.provider.start("second")
    new = country.person("operator")
    for service, path in (("referral", "/v1/referrals"), ("capacity", "/v1/capacity")):
        assert country.ask(service, "GET", path, new).status_code == 200, "the new key, at once"

    def forgotten() -> bool:
        return country.ask("referral", "GET", "/v1/referrals", old).status_code == 401

    wait_until(forgotten, "the withdrawn key is believed no more", seconds=60)  # without the setting it takes 600
    submit(country, seed=3)
