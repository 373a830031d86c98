"""The rules of all routes, on the referral service."""

from fastapi import FastAPI

from services.contracts.vocabulary import PROCESSES
from tests.integration.referral.conftest import Client
from tests.support.http_rules import (
    EXPECTED,
    assert_bodies_of_every_route,
    assert_probes_are_not_redirected,
    assert_rules_of_every_route,
)


async def test_every_route_refuses_unknown_parameters_and_redirects_nothing(api: FastAPI, client: Client) -> None:
    everyone = client("polyclinic", "center", "operator", "admin", *PROCESSES, org="c1")
    await assert_rules_of_every_route(api, everyone, EXPECTED["referral"])
    await assert_bodies_of_every_route(api, everyone)
    await assert_probes_are_not_redirected(everyone)
