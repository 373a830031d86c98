"""Work beside a process's main task outlives its own failures, and ends with the process."""

import asyncio

import pytest
from structlog.testing import capture_logs

from services.kit import loops
from services.kit.errors import TransientError
from services.kit.http.health import Health
from services.kit.loops import Progress, background, check_background, run_periodically


@pytest.mark.parametrize("error", [TransientError("away"), KeyError("ours"), RuntimeError("ours as well")])
async def test_a_step_that_fails_is_taken_again_and_is_no_progress(error: Exception) -> None:
    happened: list[str] = []
    progressed = asyncio.Event()

    def progress() -> None:
        happened.append("progress")
        progressed.set()

    async def step() -> None:
        if progressed.is_set():
            await asyncio.Event().wait()
        happened.append("step")
        if len(happened) < 3:
            raise error

    task = asyncio.create_task(run_periodically("test", step, 0, progress))
    await asyncio.wait_for(progressed.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert happened == ["step", "step", "step", "progress"]


@pytest.mark.parametrize(
    ("error", "event", "level"),
    [(TransientError("away"), "sweep.retrying", "warning"), (KeyError("ours"), "sweep.failed", "error")],
)
async def test_a_step_that_fails_is_logged_under_its_name(error: Exception, event: str, level: str) -> None:
    failures, succeeded = [error], asyncio.Event()

    async def step() -> None:
        if failures:
            raise failures.pop()
        succeeded.set()

    with capture_logs() as logs:
        async with background(run_periodically("sweep", step, 0)):
            await asyncio.wait_for(succeeded.wait(), 5)
    assert [(one["event"], one["log_level"]) for one in logs] == [(event, level)]


async def test_a_step_of_an_hour_that_failed_is_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "AGAIN", 0.01)
    failures, succeeded = [TransientError("away")] * 3, asyncio.Event()

    async def step() -> None:
        if failures:
            raise failures.pop()
        succeeded.set()

    async with background(run_periodically("trim", step, 3600)):
        await asyncio.wait_for(succeeded.wait(), 5)
    assert failures == []


async def test_work_in_the_background_ends_before_what_it_works_on_does() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    async def body() -> None:
        async with background(work()):
            await began.wait()
            assert not ended.is_set()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await body()
    assert ended.is_set()


async def test_progress_is_red_after_its_time_and_green_after_a_step() -> None:
    await Progress(within=60).check()
    late = Progress(within=-1)
    with pytest.raises(TimeoutError, match="no progress for 0 s"):
        await late.check()


async def test_work_that_lost_a_cancellation_is_cancelled_again() -> None:
    lost = 0

    async def work() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    async with asyncio.timeout(10), background(work(), cancel_again=0.01):
        await asyncio.sleep(0)
    assert lost == 1


async def test_a_task_that_ends_turns_readiness_red_and_says_why() -> None:
    async def fails() -> None:
        raise KeyError("ours")

    async def ends() -> None: ...

    await check_background()
    for work, reason in ((fails, "ours"), (ends, "has ended")):
        with capture_logs() as logs:
            async with background(work()) as tasks:
                await asyncio.wait(tasks)
                assert reason in (await Health().failing())["background"]
        assert [one["event"] for one in logs] == (["background.ended"] if work is fails else [])
        assert await Health().failing() == {}


async def test_a_loop_that_keeps_failing_turns_readiness_red_until_a_step_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loops, "FAILING_AFTER", 0.0)
    broken, failed = True, asyncio.Event()

    async def step() -> None:
        failed.set()
        if broken:
            raise TransientError("away")

    async with background(run_periodically("sweep", step, 0.01)):
        await asyncio.wait_for(failed.wait(), 5)
        await asyncio.sleep(0.05)
        assert "sweep keeps failing: away" in (await Health().failing())["background"]
        broken = False
        await eventually_ready()


async def eventually_ready() -> None:
    async with asyncio.timeout(5):
        while await Health().failing():
            await asyncio.sleep(0.01)
