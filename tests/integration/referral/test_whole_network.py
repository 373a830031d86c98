"""Thousands of steps of the whole network: real handlers, real claim scripts on a real Valkey, a simulated clock.

`JOLDAMA_STEPS=20000 make test ARGS="-k whatever_happens"` takes so many steps instead of 1000. A failure is shrunk, and
prints the steps that are left.
"""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as how
from hypothesis.stateful import run_state_machine_as_test

from services.referral.settings import ReferralSettings
from tests.integration.referral.harness import open_harness
from tests.integration.referral.whole_network import WholeNetwork

STEPS = int(os.environ.get("JOLDAMA_STEPS", "1000"))
STEPS_EACH = 50
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
"""All but the explanation, which takes long."""


@pytest.mark.timeout(600 + STEPS // 4)  # a failure is shrunk, which takes minutes
def test_whatever_happens_no_child_is_lost_and_no_place_is_given_twice(
    settings: ReferralSettings, valkey: str, prefix: str
) -> None:
    with asyncio.Runner() as runner:
        opened = open_harness(settings, valkey, prefix)
        harness = runner.run(opened.__aenter__())
        try:
            run_state_machine_as_test(
                lambda: WholeNetwork(harness, runner),  # type: ignore[arg-type]
                settings=how(
                    max_examples=max(1, STEPS // STEPS_EACH),
                    stateful_step_count=STEPS_EACH,
                    phases=PHASES,
                    suppress_health_check=list(HealthCheck),
                    print_blob=True,
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
    assert WholeNetwork.steps > STEPS // 2, "each of which was checked"
