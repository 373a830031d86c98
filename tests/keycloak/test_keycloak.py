"""The whole network on Keycloak with the realm of deploy/keycloak: its processes' own tokens, people who sign in."""

from collections.abc import Iterator

import httpx2
import pytest

from services.contracts.vocabulary import PROCESSES
from services.local.ports import Ports
from tests.support.children import POLYCLINIC
from tests.support.keycloak import BACK, PAGES, PATIENCE, Keycloak
from tests.support.network import running_network
from tests.support.oidc_network import Country, blueprint
from tests.support.one_center import CENTER, child_for_it, register_center
from tests.support.servers import wait_until
from tests.support.tls import Certificates

pytestmark = [pytest.mark.keycloak, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def keycloak(certificates: Certificates) -> Iterator[Keycloak]:
    with Ports() as ports:
        server = Keycloak(certificates.ca.parent, ports.choose(), certificates)
        try:
            server.start()
            server.add_person("operator", "operators")
            server.add_person("polyclinic", "polyclinics", POLYCLINIC)
            server.add_person("center", "centers", CENTER)
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def country(
    keycloak: Keycloak, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Country]:
    folder = tmp_path_factory.mktemp("country")
    for client in (*PROCESSES, PAGES):
        (folder / client).write_text(keycloak.client(client)["secret"])
    more = {
        "SSL_CERT_FILE": str(certificates.ca), "JOLDAMA_LOCAL_ISSUER_KEY_FILE": "", "JOLDAMA_SIGN_IN_CLIENT_ID": PAGES,
        "JOLDAMA_SIGN_IN_CLIENT_SECRET_FILE": str(folder / PAGES),
    }  # fmt: skip
    processes = blueprint(keycloak.issuer, keycloak.jwks, keycloak.token_url, folder, **more)
    with running_network(folder / "home", processes) as network:
        country = Country(network, lambda role, org="": keycloak.sign_in(role))
        register_center(network.url("referral"), country.person("operator"))
        yield country


def wait_until_read(country: Country, referral: str) -> None:
    """Until the center may read the child, for which intake asks the referral service with its own token."""
    center = country.person("center", CENTER)

    def read() -> bool:
        return country.ask("intake", "GET", f"/v1/diagnoses/{referral}", center).is_success

    wait_until(read, "intake has asked the referral service")


def test_a_child_is_offered_to_a_center_which_reads_it(country: Country) -> None:
    referral, center = country.submit(seed=2), country.person("center", CENTER)
    wait_until_read(country, referral)
    read = country.ask("intake", "GET", f"/v1/diagnoses/{referral}", center).json()
    assert read["child"]["full_name"] == child_for_it(2)["child"]["full_name"]


def test_tokens_say_what_the_realm_s_groups_say(country: Country) -> None:
    polyclinic, operator = country.person("polyclinic"), country.person("operator")
    answers = [
        country.ask("referral", "GET", path, token).status_code
        for token in (polyclinic, operator)
        for path in ("/v1/referrals", "/v1/worklists/escalated")
    ]
    assert answers == [200, 403, 200, 200], "the worklist is operators' only"


def test_an_id_token_opens_nothing(country: Country, keycloak: Keycloak) -> None:
    tokens = keycloak.sign_in("operator")
    statuses = [
        country.ask("referral", "GET", "/v1/referrals", tokens[f"{one}_token"]).status_code for one in ("access", "id")
    ]
    assert statuses == [200, 401]


def test_nobody_signs_in_at_the_console_without_pkce_or_from_elsewhere(keycloak: Keycloak) -> None:
    asked = {"client_id": PAGES, "response_type": "code", "scope": "openid"}
    page = f"{keycloak.issuer}/protocol/openid-connect/auth"

    def answer(**more: str) -> httpx2.Response:
        return httpx2.get(page, params=asked | more, verify=keycloak.trusting, timeout=PATIENCE)

    assert "error=invalid_request" in answer(redirect_uri=BACK).headers["location"]
    assert answer(redirect_uri="https://elsewhere.example/back").status_code == 400


def test_a_person_signs_in_at_the_console_until_keycloak_ends_the_session(country: Country, keycloak: Keycloak) -> None:
    console = country.network.url("console")
    with httpx2.Client(verify=keycloak.trusting, timeout=PATIENCE) as browser:

        def signed_in() -> bool:
            return browser.get(f"{console}/kept", headers={"X-Fragment": "x"}).status_code != 401

        question = browser.get(f"{console}/sign-in").headers["location"]
        back = browser.get(keycloak.fill_in(browser, question, "center"))
        assert (back.status_code, signed_in()) == (303, True), back.text
        keycloak.sign_out("center", f"{console}/sign-out/by-provider")
        wait_until(lambda: not signed_in(), "Keycloak has told the console")


@pytest.mark.parametrize("client", PROCESSES)
def test_a_process_is_no_person_and_has_its_own_role_only(country: Country, keycloak: Keycloak, client: str) -> None:
    token = grant(keycloak, client).json()["access_token"]
    claims = httpx2.get(f"{country.network.inside('capacity')}/v1/claims", headers={"Authorization": f"Bearer {token}"})
    assert claims.status_code == (200 if client.startswith("referral") else 403)
    assert country.ask("referral", "GET", "/v1/referrals", token).status_code == 403


def test_a_new_key_is_followed_at_once_and_the_old_one_refused_of_processes_too(
    country: Country, keycloak: Keycloak
) -> None:
    old = country.person("operator")
    keycloak.rotate_keys()
    assert country.ask("referral", "GET", "/v1/referrals", country.person("operator")).status_code == 200
    country.wait_until_refused(old)
    wait_until_read(country, country.submit(seed=3))


def test_a_disabled_client_gets_no_token_and_its_process_is_refused(country: Country, keycloak: Keycloak) -> None:
    referral = country.submit(seed=4)
    keycloak.enable("intake-api", False)
    assert grant(keycloak, "intake-api").status_code == 401
    country.network.wait_restarted("intake", country.network.kill("intake"))
    answer = country.ask("intake", "GET", f"/v1/diagnoses/{referral}", country.person("center", CENTER))
    assert answer.status_code == 503, "intake, which has no token, cannot ask who may read"
    keycloak.enable("intake-api", True)
    wait_until_read(country, referral)


def grant(keycloak: Keycloak, client: str) -> httpx2.Response:
    return keycloak.token(client, keycloak.client(client)["secret"], grant_type="client_credentials")
