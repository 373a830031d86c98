"""The rules of all routes, on the referral service."""

from fastapi import FastAPI

from services.contracts.vocabulary import PROCESSES
from tests.integration.referral.conftest import Client
from tests.support.http_rules import (
    EXPECTED,
    assert_bodies_of_every_route,
    assert_every_route_describes_the_purpose,
    assert_probes_are_not_redirected,
    assert_rules_of_every_route,
)

EVERYONE = ("polyclinic", "center", "operator", "admin", *PROCESSES)


async def test_every_route_refuses_unknown_parameters_and_redirects_nothing(api: FastAPI, client: Client) -> None:
    everyone = client(*EVERYONE, org="c1")
    await assert_rules_of_every_route(api, everyone, EXPECTED["referral"])
    await assert_bodies_of_every_route(api, everyone)
    await assert_probes_are_not_redirected(everyone)


async def test_every_route_says_which_purposes_it_knows(api: FastAPI, client: Client) -> None:
    await assert_every_route_describes_the_purpose(api, client(*EVERYONE, org="c1"))
