"""The whole network on a real OIDC provider: its processes by client credentials, people by signing in."""

from collections.abc import Iterator

import httpx2
import pytest

from services.contracts.vocabulary import PROCESSES
from services.local.ports import Ports
from tests.support.network import running_network
from tests.support.oidc import Provider, client_secret
from tests.support.oidc_network import Country, blueprint
from tests.support.one_center import CENTER, register_center

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]
OTHER = "far"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with Ports() as ports:
        provider = Provider(tmp_path_factory.mktemp("provider"), ports.choose())
        provider.start("first")
        yield provider
        provider.stop()


@pytest.fixture(scope="module")
def country(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    folder = tmp_path_factory.mktemp("country")
    for client in PROCESSES:
        (folder / client).write_text(client_secret(client))
    processes = blueprint(provider.url, f"{provider.url}/jwks", f"{provider.url}/token", folder)
    with running_network(folder / "home", processes) as network:
        country = Country(network, provider.of_person)
        register_center(network.url("referral"), country.person("operator"))
        yield country


def test_a_child_finds_its_center_and_only_that_center_reads_it(country: Country) -> None:
    referral = country.submit(seed=2)
    statuses = [
        country.ask("intake", "GET", f"/v1/diagnoses/{referral}", country.person("center", org)).status_code
        for org in (CENTER, OTHER)
    ]
    assert statuses == [200, 404], "intake has asked the referral service, with its own token"


def test_an_id_token_opens_nothing(country: Country, provider: Provider) -> None:
    tokens = provider.of_person("operator")
    assert country.ask("referral", "GET", "/v1/referrals", tokens["access_token"]).status_code == 200
    assert country.ask("referral", "GET", "/v1/referrals", tokens["id_token"]).status_code == 401


@pytest.mark.parametrize("client", PROCESSES)
def test_a_process_may_do_no_more_than_it_needs(country: Country, provider: Provider, client: str) -> None:
    token = provider.of_process(client)
    inside = country.network.plan.inside_url("capacity")
    headers = {"Authorization": f"Bearer {token}"}
    batch = httpx2.post(f"{inside}/v1/claims/batch", headers=headers, json={})
    claims = httpx2.get(f"{inside}/v1/claims", headers=headers)
    expected = {"referral-worker": (422, 200), "referral-api": (403, 200)}
    assert (batch.status_code, claims.status_code) == expected.get(client, (403, 403))
    assert country.ask("referral", "GET", "/v1/referrals", token).status_code == 403


def test_keys_are_rotated_while_the_network_goes_on(country: Country, provider: Provider) -> None:
    old = country.person("operator")
    provider.start("second")
    new = country.person("operator")
    for service, path in (("referral", "/v1/referrals"), ("capacity", "/v1/capacity")):
        assert country.ask(service, "GET", path, new).status_code == 200, "the new key, at once"
    country.wait_until_refused(old)
    country.submit(seed=3)
