"""The worker's Kafka consumer waits as Faust's does, also for what is done at once."""

import asyncio

import pytest

from services.referral.entrypoints.eager_consumer import EagerService


@pytest.fixture
async def consumer() -> EagerService:
    return EagerService(loop=asyncio.get_running_loop())


async def steps(done: list[str], *waited_for: asyncio.Event) -> str:
    done.append("begun")
    for one in waited_for:
        await one.wait()
        done.append("went on")
    return "ended"


async def test_what_waits_for_nothing_is_done_without_a_turn_of_the_loop(consumer: EagerService) -> None:
    done, turned = list[str](), list[str]()
    asyncio.get_running_loop().call_soon(turned.append, "a turn")
    found = await consumer.wait_first(steps(done), asyncio.Event().wait())
    assert (done, turned, found.results, found.stopped) == (["begun"], [], ["ended"], False)


async def test_what_waits_is_waited_for_and_each_step_is_taken_once(consumer: EagerService) -> None:
    done, first, second = list[str](), asyncio.Event(), asyncio.Event()
    waiting = asyncio.ensure_future(consumer.wait_first(steps(done, first, second), asyncio.Event().wait()))
    await asyncio.sleep(0.01)
    assert (done, waiting.done()) == (["begun"], False)
    first.set()
    await asyncio.sleep(0.01)
    assert (done, waiting.done()) == (["begun", "went on"], False)
    second.set()
    assert (await asyncio.wait_for(waiting, 20)).results == ["ended"]
    assert done == ["begun", "went on", "went on"]


async def test_the_wait_ends_when_the_flow_is_suspended_and_what_was_begun_is_cancelled(consumer: EagerService) -> None:
    done, never, suspended = list[str](), asyncio.Event(), asyncio.Event()
    waiting = asyncio.ensure_future(consumer.wait_first(steps(done, never), suspended.wait()))
    await asyncio.sleep(0.01)
    suspended.set()
    found = await asyncio.wait_for(waiting, 20)
    never.set()
    await asyncio.sleep(0.01)
    assert (done, found.results) == (["begun"], [True])


async def test_what_was_begun_hears_its_cancellation_and_may_end_in_order(consumer: EagerService) -> None:
    heard, left, suspended = list[str](), asyncio.Event(), asyncio.Event()

    async def ends_in_order() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            await left.wait()
            heard.append("left")
            raise

    waiting = asyncio.ensure_future(consumer.wait_first(ends_in_order(), suspended.wait()))
    await asyncio.sleep(0.01)
    suspended.set()
    await asyncio.sleep(0.01)
    left.set()
    await asyncio.wait_for(waiting, 20)
    await asyncio.sleep(0.01)
    assert heard == ["cancelled", "left"]


async def test_an_error_is_raised_whether_it_comes_at_once_or_later(consumer: EagerService) -> None:
    async def fails(after: float) -> None:
        if after:
            await asyncio.sleep(after)
        raise ValueError("broken")

    for after in (0.0, 0.01):
        with pytest.raises(ValueError, match="broken"):
            await consumer.wait_first(fails(after), asyncio.Event().wait())
