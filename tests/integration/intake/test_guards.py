"""The roles of intake's routes, which are checked before a body is received, and the limits of bodies."""

from collections.abc import AsyncIterator, Callable

import httpx2
import orjson
import pytest
from fastapi import FastAPI

from services.intake.adapters.tables import Diagnosis
from services.intake.bootstrap import Intake
from services.intake.entrypoints.bodies import LARGEST_SUBMISSION
from services.kit.http.routes import BODY, GuardedRoute
from tests.integration.capacity.guards import Refusal, api_routes, guards, refusal_of
from tests.integration.intake.conftest import Client
from tests.integration.intake.test_submitting import count
from tests.unit.intake.samples import child_body

ROUTES = {
    ("POST", "/v1/diagnoses"): "polyclinic",
    ("POST", "/v1/diagnoses/bulk"): "polyclinic",
    ("GET", "/v1/diagnoses/{referral_id}"): "polyclinic center",
    ("POST", "/v1/diagnoses/names"): "polyclinic",
    ("GET", "/v1/diagnoses/{referral_id}/family-code"): "polyclinic",
    ("POST", "/v1/family"): "",
    ("POST", "/v1/children/lookup"): "polyclinic center",
    ("GET", "/v1/children/{child_id}"): "polyclinic center",
    ("PATCH", "/v1/children/{child_id}"): "polyclinic",
    ("PATCH", "/v1/diagnoses/{referral_id}"): "polyclinic",
    ("POST", "/v1/children/{child_id}/join"): "polyclinic operator admin",
    ("POST", "/v1/children/{child_id}/withdraw-consent"): "polyclinic operator admin",
    ("POST", "/v1/children/{child_id}/erase"): "polyclinic admin",
    ("GET", "/v1/keys"): "operator admin",
    ("POST", "/v1/keys/rotate"): "operator admin",
    ("GET", "/v1/diagnoses/{referral_id}/notes"): "polyclinic center",
    ("POST", "/v1/diagnoses/{referral_id}/notes"): "polyclinic center operator admin",
    ("GET", "/v1/children/{child_id}/report"): "polyclinic admin",
    ("GET", "/v1/readiness"): "operator admin",
    ("GET", "/v1/retention"): "operator admin",
    ("POST", "/v1/retention/sweep"): "admin",
    ("POST", "/v1/transfers"): "polyclinic",
    ("GET", "/v1/transfers"): "polyclinic operator admin",
    ("POST", "/v1/transfers/{transfer_id}/accept"): "polyclinic operator admin",
    ("POST", "/v1/transfers/{transfer_id}/refuse"): "polyclinic operator admin",
    ("GET", "/v1/audit-log"): "operator admin",
    ("GET", "/v1/audit-log/verify"): "operator admin",
    ("POST", "/v1/published"): "referral-worker",
}
ID = "01937e5a-7b3c-7c2a-9d4e-000000000001"
WITH_BODY = [("/v1/diagnoses", "polyclinic"), ("/v1/diagnoses/bulk", "polyclinic"), ("/v1/children/lookup", "center")]
Token = Callable[..., str]


def test_every_route_checks_the_role_before_it_receives_a_body(api: FastAPI) -> None:
    found = api_routes(api)
    assert {(method, path) for path, route in found for method in route.methods or ()} == ROUTES.keys()
    for path, route in found:
        assert isinstance(route, GuardedRoute), path
        (method,) = route.methods or {""}
        (guard,) = guards(route)
        assert set(guard.roles) == set(ROUTES[method, path].split()), path


@pytest.mark.parametrize(("path", "role"), WITH_BODY)
async def test_a_stranger_is_refused_without_the_body_being_received(
    api: FastAPI, token: Token, path: str, role: str
) -> None:
    content_type = "text/csv" if path.endswith("bulk") else "application/json"
    for bearer, status, code in (
        (None, 401, "unauthorized"),
        ("made.up.token", 401, "unauthorized"),
        (token("referral-worker"), 403, "forbidden"),
        (token("operator" if role != "operator" else "polyclinic", "p1"), 403, "forbidden"),
    ):
        refusal = await refusal_of(api, "POST", path, bearer, content_type)
        assert refusal == Refusal(status, code, asked_for_body=False)
    if role != "operator":
        refusal = await refusal_of(api, "POST", path, token(role), content_type)
        assert refusal == Refusal(403, "forbidden", asked_for_body=False), "a role without an organization"
    assert (await refusal_of(api, "POST", path, token(role, "o1"), content_type)).asked_for_body


@pytest.mark.parametrize(("org", "refusal"), [("", (403, "forbidden")), ("o" * 65, (401, "unauthorized"))])
async def test_a_token_without_an_organization_reads_nothing(
    client: Client, org: str, refusal: tuple[int, str]
) -> None:
    for role in ("polyclinic", "center", "polyclinic+center"):
        for path in (f"/v1/diagnoses/{ID}", f"/v1/children/{ID}"):
            answer = await client(role, org).get(path)
            assert (answer.status_code, answer.json()["code"]) == refusal


@pytest.mark.parametrize(
    ("path", "bound"), [("/v1/diagnoses", LARGEST_SUBMISSION), ("/v1/children/lookup", BODY)]
)  # fmt: skip
async def test_a_body_that_is_too_large_is_refused_whether_its_length_is_declared_or_not(
    polyclinic: httpx2.AsyncClient, client: Client, intake: Intake, path: str, bound: int
) -> None:
    body = orjson.dumps(child_body() if path == "/v1/diagnoses" else {"iin": child_body()["child"]["iin"]})
    larger, headers = body.ljust(bound + 1), {"Content-Type": "application/json"}

    async def in_parts() -> AsyncIterator[bytes]:
        for first in range(0, len(larger), 10_000):
            yield larger[first : first + 10_000]

    for content in (larger, in_parts()):
        answer = await polyclinic.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["content-type"] == "application/problem+json"
    stranger = client("referral-api")
    for bearer, status in (("Bearer x", 401), (stranger.headers["Authorization"], 403)):
        answer = await stranger.post(path, content=larger, headers=headers | {"Authorization": bearer})
        assert answer.status_code == status, "the token goes first"
    assert await count(intake, Diagnosis) == 0
    assert (await polyclinic.post(path, content=body.ljust(bound), headers=headers)).status_code in (201, 404)
