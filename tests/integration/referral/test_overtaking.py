"""Two lives in which somebody could be overtaken from outside a queue: the whole network's promises hold in them."""

from collections.abc import AsyncIterator, Callable

import pytest

from services.referral.settings import ReferralSettings
from tests.integration.referral.life import Life
from tests.integration.referral.stage import open_stage


@pytest.fixture
async def life(settings: ReferralSettings, valkey: str, prefix: str, token: Callable[..., str]) -> AsyncIterator[Life]:
    """Two centers without a free place, `all` and farther away one for children under three."""
    async with open_stage(settings, valkey, prefix, token) as stage:
        life = Life(stage)
        await life.begin()
        await life.put_center("c0", "all", 0)
        await life.put_center("c1", "babies", 0)
        await life.settle()
        yield life


async def step(life: Life, name: str) -> None:
    assert await life.deliver(name, 50)
    await life.look()


async def test_a_place_comes_free_while_the_first_is_looked_at_again(life: Life) -> None:
    await life.submit({"age_months": 35})
    await life.submit({"age_months": 20})
    await life.settle()
    await life.stage.country.pass_time(days=31)
    await life.look()
    await life.set_places(0, 1, None)
    await life.look()
    await step(life, "capacity")
    await step(life, "referrals")
    await life.settle()
    assert [life.record[number].row.programme_id for number in (1, 2)] == ["c0-all", None]


async def test_a_suspended_programme_resumes_and_an_urgent_child_came_meanwhile(life: Life) -> None:
    await life.submit({"age_months": 20})
    await life.settle()
    await life.set_places(0, 0, True)
    await life.settle()
    await life.submit({"age_months": 20, "priority": "urgent"})
    await life.settle()
    await life.set_places(0, 1, False)
    await life.look()
    assert life.judged == 1
    await life.settle()
    assert [life.record[number].row.programme_id for number in (1, 2)] == [None, "c0-all"]
