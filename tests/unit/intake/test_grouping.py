"""Grouped transactions: concurrent submissions share one, and each gets its own outcome."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from services.intake.handlers.grouping import MOST, GroupedSubmissions
from services.kit.errors import TransientError


class SlowRecord:
    """A record whose outcome of a draft is the draft; it waits for `open`, and raises at a negative draft."""

    def __init__(self) -> None:
        self.groups: list[list[Any]] = []
        self.open = asyncio.Event()
        self.broken: Exception | None = None

    async def record(self, drafts: Sequence[Any], closed: frozenset[Any] = frozenset()) -> list[Any]:
        self.groups.append(list(drafts))
        await self.open.wait()
        if self.broken:
            raise self.broken
        if any(draft < 0 for draft in drafts):
            raise KeyError("negative")
        return list(drafts)

    async def replay(self, key: Any) -> None: ...


def grouping(record: SlowRecord, lanes: int = 1) -> Any:
    """Grouped submissions whose drafts are numbers."""
    inner: Any = record
    return GroupedSubmissions(inner, lanes)


def requests(record: SlowRecord, *drafts: list[int], lanes: int = 1) -> list[asyncio.Task[Any]]:
    grouped = grouping(record, lanes)
    return [asyncio.create_task(grouped.record(some)) for some in drafts]


async def test_requests_that_arrive_during_a_transaction_share_the_next_one() -> None:
    record = SlowRecord()
    grouped = grouping(record)
    first = asyncio.create_task(grouped.record([1]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(grouped.record([n, n])) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    record.open.set()
    assert await asyncio.gather(first, *others) == [[1], [2, 2], [3, 3], [4, 4]]
    assert record.groups == [[1], [2, 2, 3, 3, 4, 4]]


async def test_a_group_has_a_greatest_size_and_no_request_is_forgotten() -> None:
    record = SlowRecord()
    record.open.set()
    tasks = requests(record, *([n] for n in range(3 * MOST)))
    assert await asyncio.gather(*tasks) == [[n] for n in range(3 * MOST)]
    assert max(map(len, record.groups)) <= MOST
    again = grouping(record)
    for n in range(50):
        assert await asyncio.wait_for(again.record([n]), 5) == [n]


async def test_at_most_as_many_transactions_run_at_once_as_there_are_lanes() -> None:
    record = SlowRecord()
    tasks = requests(record, *([n] for n in range(9)), lanes=3)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(record.groups) <= 3
    record.open.set()
    assert await asyncio.gather(*tasks) == [[n] for n in range(9)]


async def test_an_error_fails_only_the_request_that_caused_it() -> None:
    record = SlowRecord()
    record.open.set()
    answers = await asyncio.gather(*requests(record, [1], [-2], [3]), return_exceptions=True)
    assert answers[0] == [1]
    assert isinstance(answers[1], KeyError)
    assert answers[2] == [3]


async def test_a_failing_record_fails_the_whole_group_and_the_next_group_is_tried() -> None:
    record = SlowRecord()
    record.open.set()
    record.broken = TransientError("down")
    grouped = grouping(record)
    failed = await asyncio.gather(*(grouped.record([n]) for n in range(3)), return_exceptions=True)
    assert all(isinstance(one, TransientError) for one in failed)
    record.broken = None
    assert await grouped.record([7]) == [7]


async def test_a_cancelled_request_does_not_disturb_the_others() -> None:
    record = SlowRecord()
    tasks = requests(record, [1], [2], [3])
    await asyncio.sleep(0)
    tasks[1].cancel()
    record.open.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert (answers[0], answers[2]) == ([1], [3])
    with pytest.raises(asyncio.CancelledError):
        raise answers[1]
