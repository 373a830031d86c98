"""Every route of every service, with every role, about its own and about others': no answer but docs/policy.md's."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from services.contracts.vocabulary import Role
from tests.support import record_queries
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.network import RunningNetwork
from tests.support.policy import ROLES, YES, Rule, read_policy
from tests.support.servers import wait_until

POLICY = read_policy()
SERVICES = ("intake", "referral", "capacity")
ID = "01937e5a-7b3c-7c2a-9d4e-00000000000f"
STRANGERS = {Role.POLYCLINIC: "polyclinic-of-others", Role.CENTER: "center-of-others"}
NO_EFFECT = {"If-Match": '"999999"', "Content-Type": "application/json"}
"""A version that nothing has: who may act is answered 412."""

AT_ONCE = {"/v1/children/{child_id}/withdraw-consent"}
"""What has its effect whatever version is named: only others try it for real."""


@dataclass(frozen=True)
class Scene:
    """A child that is offered to a center, and what they are called in paths."""

    center: str
    iin: str
    second_child: str
    ids: dict[str, str]

    def org(self, role: str, own: bool) -> str:
        owners = {Role.POLYCLINIC: POLYCLINIC, Role.CENTER: self.center}
        return (owners if own else STRANGERS).get(Role(role), "")

    def path(self, rule: Rule) -> str:
        return re.sub(r"\{(\w+)\}", lambda name: self.ids.get(name[1], ID), rule.path)

    def body(self, rule: Rule) -> Any:
        """A body that is in order, for a route whose answer depends on whose the thing is."""
        bodies = {
            "/v1/children/lookup": {"iin": self.iin}, "places": {"places": 3}, "decline": {"reason": "other"},
            "no-show": {"reason": "other"}, "cancel": {"reason": "other"},
            "discharge": {"outcome": "stable"}, "join": {"child_id": self.second_child}, "notes": {"text": "-"},
            "/v1/diagnoses/{referral_id}": {"max_distance_km": 900},
            "/v1/children/{child_id}": {"guardian": {"phone": "+77010000001"}},
        }  # fmt: skip
        by_end = bodies.get(rule.path.rpartition("/")[2], {})
        return bodies.get(rule.path, by_end) if rule.method != "GET" else None


def decided_transfer(country: RunningNetwork, child: dict[str, Any]) -> str:
    """A transfer that another polyclinic asked for, and that the holder has refused: a second decision is 409."""
    with httpx2.Client(base_url=country.url("intake"), timeout=20) as client:
        asker, holder = country.headers("polyclinic", "asking-polyclinic"), country.headers("polyclinic", POLYCLINIC)
        asked = {name: child[name] for name in ("iin", "full_name", "birth_date")}
        client.post("/v1/transfers", json=asked, headers=asker).raise_for_status()
        (transfer,) = client.get("/v1/transfers", headers=asker).raise_for_status().json()["items"]
        client.post(f"/v1/transfers/{transfer['transfer_id']}/refuse", headers=holder).raise_for_status()
        return str(transfer["transfer_id"])


@pytest.fixture(scope="module")
def scene(country: RunningNetwork) -> Scene:
    children = submissions(12, seed=811)
    ids = asyncio.run(submit_all(country, children))
    sql = "SELECT id, center_id, programme_id, child_id FROM referrals WHERE state = 'offered'"

    def offered() -> list[tuple[str, ...]]:
        rows = record_queries.query(country.plan.referral_sql_url, sql)
        return [tuple(map(str, row)) for row in rows if str(row[0]) in ids]

    wait_until(lambda: len(offered()) > 1, "two children are offered")
    (referral, center, programme, child), (second_referral, _, _, second) = offered()[:2]
    transfer = decided_transfer(country, children[ids.index(second_referral)]["child"])
    named = {
        "referral_id": referral,
        "center_id": center,
        "programme_id": programme,
        "child_id": child,
        "transfer_id": transfer,
    }
    return Scene(center, children[ids.index(referral)]["child"]["iin"], second, named)


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=30) as client:
        yield client


async def test_every_route_of_every_openapi_is_in_the_table_and_the_table_has_no_other(
    country: RunningNetwork, client: httpx2.AsyncClient
) -> None:
    found = set()
    for service in SERVICES:
        paths = (await client.get(f"{country.plan.inside_url(service)}/openapi.json")).json()["paths"]
        found |= {(service, method.upper(), path) for path, methods in paths.items() for method in methods}
    assert sorted(found) == sorted(rule.route for rule in POLICY)


async def test_without_a_token_nothing_is_answered_and_the_public_port_has_the_public_routes_only(
    country: RunningNetwork, client: httpx2.AsyncClient, scene: Scene
) -> None:
    for rule in POLICY:
        if rule.anybody:
            continue
        inside = country.plan.inside_url(rule.service) + scene.path(rule)
        public = country.plan.url(rule.service) + scene.path(rule)
        assert (await client.request(rule.method, inside)).status_code == 401, rule.route
        assert (await client.request(rule.method, public)).status_code == (401 if rule.public else 404), rule.route
        nobody = country.headers("cook", POLYCLINIC)
        assert (await client.request(rule.method, inside, headers=nobody)).status_code == 403, rule.route


async def answer(
    country: RunningNetwork, client: httpx2.AsyncClient, scene: Scene, rule: Rule, role: str, own: bool
) -> str:
    """`yes`, or the status of the refusal. An unknown parameter or version keeps what is allowed from happening."""
    url = country.plan.inside_url(rule.service) + scene.path(rule)
    headers = country.headers(role, scene.org(role, own))
    others_only = not own and rule.own[role] != rule.foreign[role]
    if rule.divided and (others_only or rule.path not in AT_ONCE):
        found = await client.request(rule.method, url, headers=headers | NO_EFFECT, json=scene.body(rule))
        refused = found.status_code in (401, 403, 404)
        assert found.status_code < 500, (rule.route, role, found.text)
        return str(found.status_code) if refused else YES
    found = await client.request(rule.method, f"{url}?colour=red", headers=headers)
    allowed = found.status_code == 422 and found.json()["code"] == "unknown_parameter"
    return YES if allowed else str(found.status_code)


async def test_every_role_is_answered_on_every_route_as_the_table_says(
    country: RunningNetwork, client: httpx2.AsyncClient, scene: Scene
) -> None:
    differences = [
        f"{' '.join(rule.route)}: {role} is answered {found} about {'its own' if own else 'others'}, not {expected}"
        for rule in POLICY
        for own, cells in ((True, rule.own), (False, rule.foreign))
        for role, expected in cells.items()
        if (found := await answer(country, client, scene, rule, role, own)) != expected
    ]
    assert not differences, "\n".join(differences)


def test_the_table_has_an_answer_for_every_role() -> None:
    assert {*ROLES} == {*Role}
