"""Every metric of the alerts is exposed by some process of a running network."""

import re

import httpx2
import pytest

from tests.support.network import RunningNetwork
from tests.unit.deploy.test_alerts import PROMETHEUS_OWN, rules

pytestmark = pytest.mark.network

PARTS = ("intake", "intake-relay", "referral", "referral-relay", "referral-worker", "capacity", "capacity-relay")


def test_every_metric_of_an_alert_is_on_some_process_s_page(country: RunningNetwork) -> None:
    pages = {part: httpx2.get(f"{country.inside(part)}/metrics", timeout=20).text for part in PARTS}
    exposed = {name for page in pages.values() for name in re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE)}
    wanted = {name for rule in rules() for name in rule.metrics} - PROMETHEUS_OWN.keys()
    assert wanted <= exposed
    for part, page in pages.items():
        checks = dict(re.findall(r'^joldama_ready\{check="(\w+)"\} (\S+)$', page, re.MULTILINE))
        assert checks, part
        assert set(checks.values()) == {"1.0"}, (part, checks)
