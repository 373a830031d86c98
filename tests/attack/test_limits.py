"""A polyclinic that tries IINs one after the other is stopped, however it writes the path, whoever it says it is."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.support.network import RunningNetwork

WAYS = ["/v1/children/lookup", "/v1/children/lookup/", "/v1/children/lookup//", "/v1/children/%6Cookup"]
"""Of one path."""
ALLOWED = 120
"""A minute."""


@pytest.fixture
def client(country: RunningNetwork) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=country.url("intake"), timeout=20) as client:
        yield client


def test_who_guesses_iins_is_stopped(country: RunningNetwork, client: httpx2.Client) -> None:
    headers = country.headers("polyclinic", "guessing-polyclinic")
    answers = []
    for number in range(ALLOWED + 40):
        spoofed = {"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"}
        path = WAYS[number % len(WAYS)]
        answers.append(client.post(path, json={"iin": "200615600014"}, headers=headers | spoofed))
    statuses = [one.status_code for one in answers]
    assert statuses.count(404) <= ALLOWED
    assert set(statuses[-20:]) == {429}
    refused = answers[-1]
    assert refused.json()["code"] == "too_many_requests"
    assert 0 < int(refused.headers["retry-after"]) <= 60

    again = country.headers("polyclinic", "guessing-polyclinic")
    assert client.post(WAYS[0], json={"iin": "200615600014"}, headers=again).status_code == 429, "with a new token"
    inside = httpx2.post(country.plan.inside_url("intake") + WAYS[0], json={"iin": "200615600014"}, headers=headers)
    assert inside.status_code == 429, "at the other port"
    other = country.headers("polyclinic", "another-polyclinic")
    assert client.post(WAYS[0], json={"iin": "200615600014"}, headers=other).status_code == 404, "another goes on"
    assert client.get("/v1/diagnoses/01937e5a-7b3c-7c2a-9d4e-000000000001", headers=headers).status_code == 404
