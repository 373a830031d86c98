"""Each alarm's metric is moved on real servers by a test that causes it; promtool tries that the alarm rings then."""

import pytest

from services.kit.settings import CHECKOUT
from tests.unit.deploy.test_alerts import PROMETHEUS_OWN, Rule, rules

TESTS = CHECKOUT / "tests"
CAUSED_BY = {
    "JoldamaPlacesDiffer": "integration/referral/test_upkeep.py",
    "JoldamaAuditStands": "integration/referral/test_upkeep.py",
    "JoldamaRebuildStands": "integration/referral/test_upkeep.py",
    "JoldamaDeadLetters": "integration/kit/test_dead_letters.py",
    "JoldamaDeadLetterRetryStands": "integration/kit/test_dead_letters.py",
    "JoldamaNotReady": "unit/kit/test_health.py",
    "JoldamaConsumerStuck": "unit/kit/test_batch_processor.py",
    "JoldamaOutboxOld": "integration/kit/test_relay.py",
    "JoldamaOutboxBacklog": "integration/kit/test_relay.py",
    "JoldamaConsumerBehind": "integration/kit/test_stalls.py",
    "JoldamaWorklistGrows": "integration/referral/test_upkeep.py",
    "JoldamaTransfersOverdue": "integration/intake/test_relay.py",
    "JoldamaReferralWithoutDeadline": "integration/referral/test_upkeep.py",
    "JoldamaDeadlinesStand": "integration/referral/test_upkeep.py",
}
"""The file with that test. Of a process that is down Prometheus itself says it."""


@pytest.mark.parametrize("rule", rules(), ids=lambda one: one.alert)
def test_a_test_causes_what_the_alarm_looks_at(rule: Rule) -> None:
    metrics = rule.metrics.keys() - PROMETHEUS_OWN.keys()
    assert bool(metrics) == (rule.alert in CAUSED_BY), "each alarm is named, but those on Prometheus' own word"
    if metrics:
        text = (TESTS / CAUSED_BY[rule.alert]).read_text()
        assert "get_sample_value" in text or "generate_latest" in text or "joldama_ready{" in text
        assert {one for one in metrics if one not in text} == set(), "the test reads the metric"
