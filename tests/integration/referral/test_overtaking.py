"""Two courses of events in which a child could be overtaken from outside a queue: the invariants hold in them."""

from collections.abc import AsyncIterator

import pytest

from services.contracts import topics
from services.referral.settings import ReferralSettings
from tests.integration.referral.harness import open_harness
from tests.integration.referral.simulation import Simulation


@pytest.fixture
async def simulation(settings: ReferralSettings, valkey: str, prefix: str) -> AsyncIterator[Simulation]:
    """Two centers without a free place, `all` and farther away one for children under three."""
    async with open_harness(settings, valkey, prefix) as harness:
        simulation = Simulation(harness)
        await simulation.begin()
        await simulation.put_center("c0", "all", 0)
        await simulation.put_center("c1", "babies", 0)
        await simulation.settle()
        yield simulation


async def step(simulation: Simulation, name: str) -> None:
    assert await simulation.deliver(name, 50)
    await simulation.check()


async def test_a_place_comes_free_while_the_first_is_reviewed(simulation: Simulation) -> None:
    await simulation.submit({"age_months": 35})
    await simulation.submit({"age_months": 20})
    await simulation.settle()
    await simulation.harness.country.pass_time(days=31)
    await simulation.check()
    await simulation.harness.country.set_places("c0-all", 1)
    await simulation.check()
    await step(simulation, topics.HANDOVERS)
    await step(simulation, topics.ROUTING)
    await simulation.settle()
    assert [simulation.record[number].row.programme_id for number in (1, 2)] == ["c0-all", None]


async def test_a_suspended_programme_resumes_and_an_urgent_child_came_meanwhile(simulation: Simulation) -> None:
    await simulation.submit({"age_months": 20})
    await simulation.settle()
    await simulation.set_places(0, 0, True)
    await simulation.settle()
    await simulation.submit({"age_months": 20, "priority": "urgent"})
    await simulation.settle()
    await simulation.set_places(0, 1, False)
    await simulation.check()
    await step(simulation, topics.ROUTING)
    assert simulation.judged == 1
    await simulation.settle()
    assert [simulation.record[number].row.programme_id for number in (1, 2)] == [None, "c0-all"]
