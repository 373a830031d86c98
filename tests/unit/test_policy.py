"""docs/policy.md has every route, on its port, and the roles that its guards let in. On a network: tests/attack."""

from typing import get_args

from services.console.words.acts import ACTS
from services.contracts.audit_entries import CapacityAct
from services.contracts.vocabulary import PROCESSES
from services.kit.http.app import Apps
from services.kit.sql.audit_log import CUT
from tests.integration.capacity.guards import api_routes, guards
from tests.support.policy import read_policy


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
