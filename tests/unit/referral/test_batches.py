"""The worker's batches: who is in one, when it is acknowledged, and what ends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import pytest

from services.referral.entrypoints.batches import in_batches


class Stream:
    """As much of a Faust stream as the batches use: an event is what was put, and an error is raised."""

    def __init__(self, *arrived: int | Exception) -> None:
        self._queue = asyncio.Queue[int | Exception]()
        self.enable_acks, self.current_event = True, -1
        self.acknowledged: list[int] = []
        for one in arrived:
            self.put(one)

    def put(self, one: int | Exception) -> None:
        self._queue.put_nowait(one)

    async def __aiter__(self) -> AsyncIterator[int]:
        while True:
            one = await self._queue.get()
            if isinstance(one, EOFError):
                return
            if isinstance(one, Exception):
                raise one
            self.current_event = one
            yield one
            if self.enable_acks:
                self.acknowledged.append(one)

    async def ack(self, event: int) -> None:
        self.acknowledged.append(event)


async def test_what_has_arrived_is_one_batch_and_no_larger_than_asked_for() -> None:
    stream = Stream(1, 2, 3, 4, 5)
    async with aclosing(in_batches(stream, 3, 0.01)) as batches:
        assert [await anext(batches), await anext(batches)] == [[1, 2, 3], [4, 5]]


async def test_a_batch_waits_for_its_first_event_and_a_moment_for_more() -> None:
    stream = Stream()
    async with aclosing(in_batches(stream, 3, 0.05)) as batches:
        taking = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0.1)
        assert not taking.done(), "nothing has arrived"
        stream.put(1)
        await asyncio.sleep(0)
        stream.put(2)
        assert await asyncio.wait_for(taking, 20) == [1, 2]


async def test_events_are_acknowledged_when_the_next_batch_is_asked_for_and_not_before() -> None:
    stream = Stream(1, 2, 3, 4)
    async with aclosing(in_batches(stream, 2, 0)) as batches:
        await anext(batches)
        await asyncio.sleep(0.01)
        assert stream.acknowledged == [], "the first batch is in hand"
        await anext(batches)
        assert stream.acknowledged == [1, 2]


async def test_a_batch_whose_body_is_left_is_acknowledged_and_what_was_not_taken_is_not() -> None:
    stream = Stream(1, 2, 3, 4)
    async with aclosing(in_batches(stream, 2, 0)) as batches:
        await anext(batches)
        await asyncio.sleep(0.01)
    assert stream.acknowledged == [1, 2]


async def test_an_error_of_the_stream_is_raised_behind_what_arrived_before_it() -> None:
    stream = Stream(1, 2, OSError("the stream broke"))
    async with aclosing(in_batches(stream, 10, 0.01)) as batches:
        assert await anext(batches) == [1, 2]
        with pytest.raises(OSError, match="the stream broke"):
            await asyncio.wait_for(anext(batches), 20)


@pytest.mark.parametrize("end", [OSError("the stream broke"), EOFError()])
async def test_what_arrived_while_a_batch_was_in_hand_comes_before_the_end(end: Exception) -> None:
    stream, taken = Stream(1, 2, 3, 4, 5, end), list[list[int]]()
    with suppress(OSError):
        async for batch in in_batches(stream, 2, 0):
            taken.append(list(batch))
            await asyncio.sleep(0.01)
    assert taken == [[1, 2], [3, 4], [5]], "the stream's end takes no event that it gave"
    assert stream.acknowledged == [1, 2, 3, 4, 5]


async def test_the_batches_end_with_the_stream() -> None:
    taken = [batch async for batch in in_batches(Stream(1, EOFError()), 10, 0)]
    assert taken == [[1]]
    assert [batch async for batch in in_batches(Stream(EOFError()), 10, 0)] == []
