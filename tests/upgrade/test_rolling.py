"""An upgrade under load, and back again: the parts of two releases beside each other, on the tables of the newer one.

The network begins on the release before. Today's migrations run amid the load; then each service is replaced, one after
the other, and in the same order put back. So each service was the newer one beside each of the others, and the older.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

import psutil
import pytest

from services.local.jobs import Jobs
from services.local.parts import shared_environment
from tests.chaos import country, testbed
from tests.chaos.feed import FeedFollower
from tests.chaos.invariants import check
from tests.chaos.load import Load, Schedule
from tests.chaos.run import not_gentle
from tests.chaos.scenario import Scenario
from tests.support import record_queries
from tests.support.eventually import eventually
from tests.support.network import plain_environment
from tests.support.postgres import installed
from tests.support.servers import CHECKOUT
from tests.upgrade.previous import Releases, unreachable

pytestmark = [pytest.mark.network, pytest.mark.faults]

SERVICES = (
    ("capacity", "capacity-relay", "intake", "intake-relay"),  # the two say nothing to each other
    ("referral", "referral-relay"),
    ("referral-worker",),
)
LOAD = Scenario(seed=77, children=2400, faults=(), opens_center=True, gentle=True, seconds=400)
"""More than lasts; it ends with the last replacement."""
ROUTED = 8
"""Children who must have come through before the next replacement."""


class LastingLoad(Load):
    """Children come until it is stopped."""

    def _schedule(self) -> Schedule:
        return takewhile(lambda _: not self._stopped, super()._schedule())


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    if reason := unreachable():
        pytest.skip(f"{reason}: only its events and tables are compared (tests/golden)")
    return Releases(tmp_path / "releases").check_out()


@pytest.fixture
def bed(releases: Releases, tmp_path: Path) -> Iterator[testbed.Testbed]:
    with testbed.running_testbed(tmp_path / "home", installed(), releases.blueprint) as running:
        yield running


@pytest.mark.timeout(300)
async def test_services_of_two_releases_lose_nobody_beside_each_other(bed: testbed.Testbed, releases: Releases) -> None:
    await country.register(bed.network)
    follower, load = FeedFollower(bed.network), LastingLoad(bed.network, LOAD, country.first_centers())
    following, loading = asyncio.create_task(follower.run()), asyncio.create_task(load.run())
    try:
        await _routes(bed, "the release before alone")
        before = _revisions(bed)
        await asyncio.to_thread(_migrate, bed)
        assert _revisions(bed) > before, "tables are changed between the two releases"
        await _routes(bed, "the release before on today's tables")
        for code in (CHECKOUT, releases.before):
            for service in SERVICES:
                await asyncio.to_thread(_replace, bed, releases, service, code)
                await _routes(bed, f"{service} on {code.name}")
    finally:
        load.stop()
        await loading
    try:
        checked = await check(bed, set(load.submitted), load.log.figures, follower)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
    assert checked.findings.all() == [], "lost, twice, overtaken or silent"
    assert load.log.findings + not_gentle(bed, load.log) == [], "people met only what a restart of one part may bring"
    assert len(load.submitted) > ROUTED * 2 * len(SERVICES), "children came beside each mixture of releases"


async def _routes(bed: testbed.Testbed, when: str) -> None:
    """Wait until children are routed who came after now."""
    routed = await asyncio.to_thread(_routed, bed)
    await eventually(lambda: _routed(bed) >= routed + ROUTED, f"children are routed: {when}", within=60)


def _routed(bed: testbed.Testbed) -> int:
    return sum(one.state != "submitted" for one in record_queries.referrals(bed.network).values())


def _migrate(bed: testbed.Testbed) -> None:
    """Today's jobs, beside the older processes."""
    environment = {**plain_environment(), **shared_environment(bed.plan)}
    Jobs(bed.jobs(), environment, bed.network.home.logs).finish(60)


def _revisions(bed: testbed.Testbed) -> list[str]:
    """Of intake's tables, and of the referral service's."""
    urls = bed.plan.intake_sql_url, bed.plan.referral_sql_url
    return [str(record_queries.query(one, "SELECT version_num FROM alembic_version")[0][0]) for one in urls]


def _replace(bed: testbed.Testbed, releases: Releases, service: Sequence[str], code: Path) -> None:
    for part in service:
        releases.choose(part, code)
        bed.stop(part)
    bed.start(*service)
    for part in service:
        assert psutil.Process(bed.network.pid(part)).cwd() == str(code), f"{part} runs the code that was chosen for it"
