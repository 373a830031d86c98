"""A value is read once for all who ask within its time, and a failed reading is none."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.kept import MOST, Kept, KeptByKey
from tests.support.eventually import eventually

SECOND = timedelta(seconds=1)


class Source:
    """Counts its readings, and how many went on at once; `now` is its clock."""

    def __init__(self) -> None:
        self.now, self.count, self.failing = datetime(2026, 11, 29, tzinfo=UTC), 0, False
        self.reading, self.most = 0, 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    def clock(self) -> datetime:
        return self.now

    async def read(self) -> int:
        self.count += 1
        number = self.count
        self.reading += 1
        self.most = max(self.most, self.reading)
        await self.goes_on.wait()
        self.reading -= 1
        if self.failing:
            raise ConnectionError(number)
        return number


@pytest.fixture
def source() -> Source:
    return Source()


async def test_it_is_read_again_once_its_time_is_over(source: Source) -> None:
    kept = Kept[int](source.clock, SECOND)
    assert [await kept(source.read) for _ in range(3)] == [1, 1, 1]
    source.now += SECOND - timedelta(milliseconds=1)
    assert await kept(source.read) == 1
    source.now += timedelta(milliseconds=1)
    assert await kept(source.read) == 2


async def test_a_clock_that_is_set_back_keeps_nothing(source: Source) -> None:
    kept = Kept[int](source.clock, SECOND)
    assert await kept(source.read) == 1
    source.now -= 300 * SECOND
    assert await kept(source.read) == 2, "a value of the future is not kept until then"


async def test_without_a_time_it_is_read_each_time(source: Source) -> None:
    kept = Kept[int](source.clock, timedelta(0))
    assert [await kept(source.read) for _ in range(3)] == [1, 2, 3]


async def test_who_asks_while_it_is_read_waits_for_that_reading(source: Source) -> None:
    kept = Kept[int](source.clock, SECOND)
    source.goes_on.clear()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(kept(source.read)) for _ in range(5)]
        gone = group.create_task(kept(source.read))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        source.goes_on.set()
    assert [one.result() for one in asked] == [1] * 5, "one who goes away takes it from nobody"


@pytest.mark.parametrize("every", [SECOND, timedelta(0)])
async def test_a_slow_reading_is_the_only_one_and_who_asks_late_shares_the_next(
    source: Source, every: timedelta
) -> None:
    kept = Kept[int](source.clock, every)
    source.goes_on.clear()
    async with asyncio.TaskGroup() as group:
        asked = list[asyncio.Task[int]]()
        for _ in range(4):
            asked += [group.create_task(kept(source.read)) for _ in range(3)]
            await asyncio.sleep(0)
            source.now += 2 * SECOND
        assert source.count == 1, "the others wait for its end"
        source.goes_on.set()
    together = 3 if every else 1
    assert [one.result() for one in asked] == [1] * together + [2] * (12 - together)
    assert (source.count, source.most) == (2, 1), "one after the other"


async def test_a_reading_that_hangs_is_not_waited_for_endlessly(source: Source) -> None:
    kept = Kept[int](source.clock, SECOND, patience=0.01)
    source.goes_on.clear()
    hanging = asyncio.create_task(kept(source.read))
    await asyncio.sleep(0)
    source.now += SECOND
    asked = [asyncio.create_task(kept(source.read)) for _ in range(3)]
    await eventually(lambda: source.count == 2, "it is read once more")
    source.goes_on.set()
    assert await asyncio.gather(hanging, *asked) == [1, 2, 2, 2]


@given(st.lists(st.sampled_from(("ask", "wait", "slow", "fast", "fail", "mend")), max_size=30), st.booleans())
async def test_there_is_never_more_than_one_reading_and_no_value_is_too_old(acts: list[str], every: bool) -> None:
    source = Source()
    kept = Kept[int](source.clock, SECOND if every else timedelta(0))
    began = dict[int, datetime]()

    async def read() -> int:
        began[source.count + 1] = source.now
        return await source.read()

    async def ask() -> None:
        asked = source.now
        with suppress(ConnectionError):
            assert began[await kept(read)] + SECOND > asked, "it began no longer before than it is kept"

    async with asyncio.TaskGroup() as group:
        for act in acts:
            match act:
                case "ask":
                    group.create_task(ask())
                case "wait":
                    source.now += SECOND / 3
                case "slow" | "fast":
                    source.goes_on.clear() if act == "slow" else source.goes_on.set()
                case _:
                    source.failing = act == "fail"
            await asyncio.sleep(0)
        source.goes_on.set()
    assert source.most <= 1, "two readings at once"


async def test_a_failed_reading_is_told_and_not_kept(source: Source) -> None:
    kept = Kept[int](source.clock, SECOND)
    source.failing = True
    with pytest.raises(ConnectionError):
        await kept(source.read)
    source.failing = False
    assert [await kept(source.read) for _ in range(2)] == [2, 2]


async def test_each_key_has_its_own_and_not_endlessly_many_are_kept(source: Source) -> None:
    kept, read = KeptByKey[int](source.clock, SECOND), source.read
    assert [await kept(key, read) for key in ("a", "b", "a")] == [1, 2, 1]
    for number in range(MOST):
        await kept(number, read)
    assert await kept("a", read) > MOST, "it was forgotten, and is read again"
