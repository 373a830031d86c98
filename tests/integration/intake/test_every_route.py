"""The rules of all routes, on intake."""

from fastapi import FastAPI

from tests.integration.intake.conftest import Client
from tests.support.http_rules import (
    EXPECTED,
    assert_every_route_describes_the_purpose,
    assert_probes_are_not_redirected,
    assert_rules_of_every_route,
)
from tests.unit.intake.samples import child_body

EVERYBODY = "polyclinic+center+operator+admin+referral-worker"


async def test_every_route_refuses_unknown_parameters_and_redirects_nothing(api: FastAPI, client: Client) -> None:
    await assert_rules_of_every_route(api, client(EVERYBODY, "p1"), EXPECTED["intake"])
    await assert_probes_are_not_redirected(client("polyclinic", "p1"))


async def test_every_route_says_which_purposes_it_knows(api: FastAPI, client: Client) -> None:
    await assert_every_route_describes_the_purpose(api, client(EVERYBODY, "p1"))


async def test_a_child_sent_to_a_path_with_a_slash_is_recorded(client: Client) -> None:
    answer = await client("polyclinic", "p1").post("/v1/diagnoses/", json=child_body(1), headers={"Host": "evil.test"})
    assert (answer.status_code, "evil" in str(answer.headers)) == (201, False)
    assert answer.headers["location"].startswith("/v1/diagnoses/0")


async def test_an_unknown_parameter_is_no_matter_before_the_role_is_checked(client: Client) -> None:
    answer = await client("operator").post("/v1/diagnoses?colour=red", json=child_body(1))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_lookup_in_another_encoding_is_refused_by_what_it_is(client: Client) -> None:
    body, json = '{"iin": "жоқ"}'.encode("cp1251", "replace"), {"Content-Type": "application/json"}
    answer = await client("polyclinic", "p1").post("/v1/children/lookup", content=body, headers=json)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (422, "body", "body_not_utf8")
