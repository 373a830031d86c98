"""The worker's edges: it never acknowledges what has not been done, and it logs in as the other clients do."""

import os
import subprocess
import sys
import textwrap

import pytest

from services.referral.entrypoints.broker import credentials
from services.referral.settings import ReferralSettings

CANCELLED = """
    import asyncio, sys
    from services.referral.entrypoints import worker
    worker.GRACE = 0.2

    async def step():
        {step}

    async def main():
        task = asyncio.create_task(worker.finish(step()))
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


def test_a_batch_that_ends_in_time_is_left_in_peace() -> None:
    assert _exit_code("await asyncio.sleep(0.1)") == 7


HELD = """
    import asyncio, faust
    from services.referral.entrypoints import worker

    async def main():
        app = faust.App("t", autodiscover=False)
        held = asyncio.create_task(worker.hold(app))
        await asyncio.sleep(0.05)
        assert not held.done()
        {end}
        await asyncio.wait_for(held, 20)

    asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["app._stopped.set()", "held.cancel()"])
def test_a_batch_that_is_held_ends_the_process_unacknowledged_as_soon_as_it_is_told_to_stop(end: str) -> None:
    """Faust sets that flag at the beginning of its stop, and then waits for the batch."""
    program = textwrap.dedent(HELD).format(end=end)
    done = subprocess.run([sys.executable, "-c", program], timeout=60, stderr=subprocess.DEVNULL)
    assert done.returncode == os.EX_TEMPFAIL


def _settings(**security: str) -> ReferralSettings:
    return ReferralSettings(
        kafka_servers="k:9092",
        referral_sql_url="sqlite://",
        capacity_url="http://c",
        **security,  # type: ignore[arg-type]
    )


def test_the_worker_logs_in_to_kafka_as_every_other_client_does() -> None:
    found = credentials(_settings(kafka_security="SASL_SSL", kafka_username="joldama", kafka_password="s3cret"))
    assert (found.username, found.password, found.mechanism.value) == ("joldama", "s3cret", "SCRAM-SHA-512")
    assert found.protocol.value == "SASL_SSL"
    assert credentials(_settings(kafka_security="SSL")).protocol.value == "SSL"
    assert credentials(_settings()) is None
