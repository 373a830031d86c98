"""Trying a step again: for the given errors only, without end, and not in silence."""

import asyncio
from collections import Counter

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.kit.errors import Conflict, PermanentError, TransientError
from services.kit.retry import retry


class Step:
    """Raises each of `failures`, and then succeeds."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures, self.calls = list(failures), 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def counted(step: str) -> float:
    return REGISTRY.get_sample_value("joldama_retries_total", {"step": step}) or 0.0


async def test_a_step_that_succeeds_is_taken_once_and_in_silence() -> None:
    step = Step()
    with capture_logs() as logs:
        assert await retry("quiet", step, TransientError) == "done"
    assert (step.calls, logs, counted("quiet")) == (1, [], 0)


async def test_the_given_errors_are_tried_again_until_the_step_succeeds() -> None:
    step = Step(TransientError("away"), Conflict("met"), OSError("broken"))
    assert await retry("given", step, (TransientError, OSError), first=0, longest=0) == "done"
    assert step.calls == 4


@pytest.mark.parametrize(
    "error", [PermanentError("never"), KeyError("ours"), asyncio.CancelledError(), TimeoutError("another")]
)
async def test_any_other_error_is_raised_at_once_and_not_counted(error: BaseException) -> None:
    step = Step(TransientError("away"), error)
    before = counted("others")
    with pytest.raises(type(error)) as raised:
        await retry("others", step, TransientError, first=0, longest=0)
    assert raised.value is error
    assert (step.calls, counted("others") - before) == (2, 1)


async def test_each_retry_is_counted_and_logged_under_the_name_of_its_step() -> None:
    before = Counter({step: counted(step) for step in ("relay", "watch")})
    with capture_logs() as logs:
        await retry(
            "relay", Step(TransientError("Kafka is away"), TransientError()), TransientError, first=0, longest=0
        )
        await retry("watch", Step(TransientError("x" * 1000)), TransientError, first=0, longest=0)
    assert (counted("relay") - before["relay"], counted("watch") - before["watch"]) == (2, 1)
    ours = [one for one in logs if one["event"].endswith(".retrying")]
    assert [(one["event"], one["log_level"], one["reason"]) for one in ours] == [
        ("relay.retrying", "warning", "Kafka is away"),
        ("relay.retrying", "warning", "TransientError"),
        ("watch.retrying", "warning", "x" * 300),
    ]


async def test_a_step_that_fails_for_hours_is_still_tried_again() -> None:
    step = Step(*(TransientError("away") for _ in range(1100)))
    assert await retry("hours", step, TransientError, first=0, longest=0) == "done"


async def test_pauses_grow_to_the_longest_one_and_a_retry_can_be_cancelled_in_it() -> None:
    step = Step(*(TransientError("away") for _ in range(20)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(retry("long", step, TransientError, first=0.001, longest=60), 0.5)
    assert 3 <= step.calls <= 10, "after 1, 2, 4, 8 … ms and jitter, not all at once"
