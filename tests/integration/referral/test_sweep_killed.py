"""kill -9 of two sweeping processes, amid a sweep: each offer expires once, and every rank is kept."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from services.contracts.events import OfferExpiredV1
from services.contracts.vocabulary import ReferralState
from services.kit.settings import CHECKOUT
from services.referral.adapters.tables import ReferralRow
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import Country
from tests.integration.referral.traffic import everybody
from tests.support.eventually import eventually

OFFERED, WAITING, PROCESSES, SOME, ALL = 180, 40, 2, 20, 1000
"""SOME and ALL are batches of a sweeping process: those of all processes that are killed are fewer than the offers."""
Start = Callable[[int], subprocess.Popen[bytes]]


@pytest.fixture
def start(settings: ReferralSettings) -> Iterator[Start]:
    """Starts one more sweeping process; all are ended with the test."""
    values = settings.model_dump(mode="json", exclude_defaults=True, exclude={"event_key"})
    environment = {f"JOLDAMA_{name.upper()}": str(value) for name, value in values.items()}
    started: list[subprocess.Popen[bytes]] = []

    def one(batches: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.integration.referral.sweep_process", str(batches)]
        started.append(subprocess.Popen(command, cwd=CHECKOUT, env=os.environ | environment, stdout=subprocess.PIPE))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.communicate()


async def expired(country: Country) -> int:
    gone = select(func.count()).where(col(ReferralRow.state) == ReferralState.SUBMITTED)
    return await country.service.database.read(lambda session: session.execute(gone).scalar_one())


@pytest.mark.faults
async def test_two_killed_amid_a_sweep_each_offer_expires_once_and_each_child_keeps_the_rank(
    country: Country, start: Start
) -> None:
    country.clock.now = datetime.now(UTC) - timedelta(days=20)
    await country.open("near", places=OFFERED)
    await country.open("far", places=0, settlement="far")
    await country.submit(*range(1, OFFERED + WAITING + 1))
    country.clock.now = datetime.now(UTC)
    processes = [start(SOME) for _ in range(PROCESSES)]
    for one in processes:
        assert one.stdout
        assert await asyncio.to_thread(one.stdout.readline) == b"ready\n"
    await eventually(lambda: expired(country), "a sweep has begun", within=30)
    for one in processes:
        one.kill()
        one.wait()
    assert 0 < await expired(country) < OFFERED, "killed amid the sweep"
    start(ALL)
    await eventually(lambda: _all_have(country), "all have expired", within=60)
    told = Counter(one.envelope.subject for one in await country.own_events() if isinstance(one.data, OfferExpiredV1))
    assert (len(told), set(told.values())) == (OFFERED, {1})
    country._last_own = 0
    await country.deliver()
    assert await country.queue("far") == list(range(1, OFFERED + 1))
    assert await country.figures() == {"near": (OFFERED, WAITING, 0), "far": (0, 0, OFFERED)}
    assert {one.referral.version for one in await everybody(country)} == {2, 3}


async def _all_have(country: Country) -> bool:
    return await expired(country) == OFFERED
