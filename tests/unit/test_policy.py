"""docs/policy.md has every route, on its port, and the roles that its guards let in. On a network: tests/attack."""

from typing import Any, get_args

import pytest

from services.capacity.entrypoints.api import app_of
from services.capacity.settings import CapacitySettings
from services.console.words.acts import ACTS
from services.contracts.audit_entries import CapacityAct
from services.contracts.vocabulary import PROCESSES
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from services.kit.http.app import Apps
from services.kit.settings import Mode
from services.kit.sql.audit_log import CUT
from services.referral.entrypoints.api import build
from services.referral.settings import ReferralSettings
from tests.integration.capacity.guards import api_routes, guards
from tests.support.policy import read_policy

UNUSED = "http://unused"


@pytest.fixture(scope="module")
def apps() -> dict[str, Apps]:
    """The applications of the services, which nobody starts."""
    shared: dict[str, Any] = {"mode": Mode.LOCAL, "kafka_servers": "unused"}
    return {
        "intake": create_api(IntakeSettings(intake_sql_url="sqlite:///unused", referral_url=UNUSED, **shared)),
        "referral": build(
            ReferralSettings(referral_sql_url="sqlite:///unused", capacity_url=UNUSED, intake_url=UNUSED, **shared)
        ),
        "capacity": app_of(CapacitySettings(redis_url="redis://unused", **shared)),
    }


def test_the_table_has_every_route_with_the_roles_that_it_lets_in(apps: dict[str, Apps]) -> None:
    found = {}
    for service, both in apps.items():
        public = {path for path, _ in api_routes(both.public)}
        for path, route in api_routes(both.inside):
            allowed = set[str].intersection(*(set(guard.roles) for guard in guards(route)))
            for method in route.methods or ():
                found[service, method, path] = (path in public, {str(role) for role in allowed})
    table = {
        rule.route: (rule.public, {role for role, answer in rule.own.items() if answer != "403" and not rule.anybody})
        for rule in read_policy()
    }
    assert found == table


def test_every_act_of_people_in_the_audit_log_has_words(apps: dict[str, Apps]) -> None:
    acts = {
        route.name
        for service in ("intake", "referral")
        for _, route in api_routes(apps[service].inside)
        if not set[str].intersection(*(set(guard.roles) for guard in guards(route))) <= set(PROCESSES)
    }
    assert acts | {*get_args(CapacityAct), CUT, "sweep", "refuse_token"} <= ACTS.keys()
