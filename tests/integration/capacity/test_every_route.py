"""The rules of all routes, on capacity."""

from fastapi import FastAPI

from tests.integration.capacity.api_client import Client
from tests.support.http_rules import (
    EXPECTED,
    assert_bodies_of_every_route,
    assert_probes_are_not_redirected,
    assert_rules_of_every_route,
)


async def test_every_route_refuses_unknown_parameters_and_redirects_nothing(app: FastAPI, client: Client) -> None:
    everyone = client("polyclinic+center+operator+referral-worker+referral-api.c1")
    await assert_rules_of_every_route(app, everyone, EXPECTED["capacity"])
    await assert_bodies_of_every_route(app, everyone)
    await assert_probes_are_not_redirected(everyone)
