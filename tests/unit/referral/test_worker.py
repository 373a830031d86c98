"""The worker's edges: an unfinished batch is never acknowledged, and Kafka's login is that of every other client."""

import os
import subprocess
import sys
import textwrap

import faust
import pytest
from faust.types.auth import AuthProtocol, SASLMechanism

from services.referral.entrypoints.kafka_credentials import credentials
from services.referral.settings import ReferralSettings

CANCELLED = """
    import asyncio, sys
    from services.referral.entrypoints.exit_before_ack import finish

    async def step():
        {step}

    async def main():
        task = asyncio.create_task(finish(step(), grace=0.2))
        await asyncio.sleep(0.05)
        for _ in range({cancels}):
            task.cancel()
            await asyncio.sleep(0.01)
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    sys.exit(7)
"""


def _exit_code(step: str, cancels: int = 1) -> int:
    program = textwrap.dedent(CANCELLED).format(step=step, cancels=cancels)
    return subprocess.run([sys.executable, "-c", program], timeout=60, stderr=subprocess.DEVNULL).returncode


@pytest.mark.parametrize("cancels", [1, 2])
def test_a_batch_that_cannot_end_ends_the_process_unacknowledged(cancels: int) -> None:
    assert _exit_code("await asyncio.sleep(60)", cancels) == os.EX_TEMPFAIL


def test_a_batch_that_fails_while_the_worker_stops_ends_the_process_unacknowledged() -> None:
    assert _exit_code("await asyncio.sleep(0.1); raise RuntimeError") == os.EX_TEMPFAIL


def test_a_batch_that_ends_in_time_ends_nothing_else() -> None:
    assert _exit_code("await asyncio.sleep(0.1)") == 7


HELD = """
    import asyncio, faust
    from services.referral.entrypoints.exit_before_ack import hold

    async def main():
        app = faust.App("t", autodiscover=False)
        held = asyncio.create_task(hold(app.wait_until_stopped()))
        await asyncio.sleep(0.05)
        assert not held.done()
        {end}
        await asyncio.wait_for(held, 20)

    asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["app._stopped.set()", "held.cancel()"])
def test_a_batch_that_is_held_ends_the_process_unacknowledged_as_soon_as_the_worker_stops(end: str) -> None:
    """Faust sets that flag at the beginning of its stop, and then waits for the batch."""
    program = textwrap.dedent(HELD).format(end=end)
    done = subprocess.run([sys.executable, "-c", program], timeout=60, stderr=subprocess.DEVNULL)
    assert done.returncode == os.EX_TEMPFAIL


def _settings(**security: str) -> ReferralSettings:
    return ReferralSettings(
        kafka_servers="k:9092",
        referral_sql_url="sqlite://",
        capacity_url="http://c",
        intake_url="http://i",
        mode="local",
        **security,  # type: ignore[arg-type]
    )


def test_the_worker_logs_in_to_kafka_as_every_other_client_does() -> None:
    found = credentials(_settings(kafka_security="SASL_SSL", kafka_username="joldama", kafka_password="s3cret"))
    assert isinstance(found, faust.SASLCredentials)
    assert (found.username, found.password, found.mechanism) == ("joldama", "s3cret", SASLMechanism.SCRAM_SHA_512)
    assert found.protocol is AuthProtocol.SASL_SSL
    encrypted = credentials(_settings(kafka_security="SSL"))
    assert encrypted
    assert encrypted.protocol is AuthProtocol.SSL
    assert credentials(_settings()) is None
