"""A loop beside a process's work outlives what goes wrong in it."""

import asyncio

import pytest

from services.kit.errors import TransientError
from services.kit.loops import run_periodically


@pytest.mark.parametrize("error", [TransientError("away"), KeyError("ours"), RuntimeError("ours as well")])
async def test_a_step_that_fails_is_taken_again_and_is_no_progress(error: Exception) -> None:
    outcomes: list[Exception | None] = [error, error, None]
    progressed = asyncio.Event()

    async def step() -> None:
        if outcome := outcomes.pop(0):
            assert not progressed.is_set()
            raise outcome

    task = asyncio.create_task(run_periodically("test", step, 0, progressed.set))
    await asyncio.wait_for(progressed.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcomes == []
