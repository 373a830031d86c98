"""Who may ask capacity what; strangers are refused before their body is received."""

import pytest
from fastapi import FastAPI

from services.capacity.ports import Store
from services.contracts.vocabulary import Role
from services.kit.http.routes import GuardedRoute
from tests.integration.capacity.api_client import Client, assert_problem, two_centers
from tests.integration.capacity.guards import Refusal, api_routes, guards, refusal_of
from tests.integration.capacity.network import referral

PEOPLE = "operator admin center polyclinic"
WORKER, REFERRAL = "referral-worker", "referral-worker referral-api"
ROUTES = {
    ("GET", "/v1/capacity"): f"{PEOPLE} referral-api",
    ("GET", "/v1/readiness"): "operator admin",
    ("GET", "/v1/capacity/feed"): f"{PEOPLE} console",
    ("GET", "/v1/capacity/{center_id}"): PEOPLE,
    ("GET", "/v1/public/capacity"): "",
    ("GET", "/v1/queues/{programme_id}"): "operator admin center",
    ("PUT", "/v1/programmes/{programme_id}"): WORKER,
    ("POST", "/v1/claims/batch"): WORKER,
    ("POST", "/v1/claims/occupy"): WORKER,
    ("POST", "/v1/claims/release"): WORKER,
    ("GET", "/v1/claims"): REFERRAL,
    ("POST", "/v1/claims/lookup"): REFERRAL,
    ("POST", "/v1/claims/positions"): REFERRAL,
    ("GET", "/v1/claims/{referral_id}"): REFERRAL,
    ("GET", "/v1/rebuild"): REFERRAL,
    ("POST", "/v1/rebuild"): REFERRAL,
    ("PUT", "/v1/rebuild/programmes"): REFERRAL,
    ("PUT", "/v1/rebuild/claims"): REFERRAL,
    ("POST", "/v1/rebuild/open"): REFERRAL,
}
WITHOUT_TOKEN = "/v1/public/capacity"
WITH_BODY = [route for route in ROUTES if route[0] != "GET"]


def filled(path: str) -> str:
    return path.format(center_id="center-1", programme_id="a", referral_id=referral(1))


def test_every_route_checks_the_role_before_it_receives_a_body(app: FastAPI) -> None:
    found = api_routes(app)
    assert {(method, path) for path, route in found for method in route.methods or ()} == ROUTES.keys()
    for path, route in found:
        assert isinstance(route, GuardedRoute), path
        (method,) = route.methods or {""}
        allowed = set[str].intersection(*(set(guard.roles) for guard in guards(route)))
        assert allowed == set(ROUTES[method, path].split()), path


@pytest.mark.parametrize(
    ("method", "path"), [one for one in ROUTES if one[1] not in ("/v1/capacity/feed", WITHOUT_TOKEN)]
)
async def test_each_route_is_for_its_roles_alone(store: Store, client: Client, method: str, path: str) -> None:
    await two_centers(store)
    allowed = ROUTES[method, path].split()
    for role in Role:
        org = ".center-1" if role in (Role.CENTER, Role.POLYCLINIC) else ""
        answer = await client(role + org).request(method, filled(path))
        if role in allowed:
            assert answer.status_code in (200, 422), (role, answer.text)
        else:
            assert_problem(answer, 403, "forbidden")
    assert_problem(await client("nobody").request(method, filled(path)), 401, "unauthorized")


async def test_a_center_sees_its_own_queue_by_its_organization_and_not_by_its_role_alone(
    store: Store, client: Client
) -> None:
    await two_centers(store)
    for token, status in (("center.center-1", 200), ("polyclinic+center.center-1", 200), ("center", 403)):
        assert (await client(token).get("/v1/queues/a")).status_code == status, token
    assert_problem(await client("polyclinic+center.center-2").get("/v1/queues/a"), 403, "forbidden")


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_stranger_is_refused_without_the_body_being_received(app: FastAPI, method: str, path: str) -> None:
    for token, status, code in (
        (None, 401, "unauthorized"),
        ("nobody", 401, "unauthorized"),
        ("polyclinic.p1", 403, "forbidden"),
        ("operator", 403, "forbidden"),
    ):
        assert await refusal_of(app, method, filled(path), token) == Refusal(status, code, asked_for_body=False)
    assert (await refusal_of(app, method, filled(path), "referral-worker")).asked_for_body
