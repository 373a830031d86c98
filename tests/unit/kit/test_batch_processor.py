"""Processing batches: each message has had its effect, is parked, or is a dead letter with its reason."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from services.kit.errors import PermanentError, TransientError
from services.kit.kafka.batch_processor import BatchProcessor, TooManyDeadLetters


class FakeChannel:
    """A dead-letter channel in memory; `failures` says how often each method fails before it succeeds."""

    def __init__(self) -> None:
        self.failures = Counter[str]()
        self.known = set[int]()
        self.stored: list[tuple[int, str]] = []
        self.published: list[tuple[int, str]] = []
        self.parked: list[int] = []

    async def store(self, message: int, reason: str) -> bool:
        self._fail("store")
        known = message in self.known
        self.known.add(message)
        self.stored.append((message, reason))
        return known

    async def publish(self, message: int, reason: str) -> None:
        self._fail("publish")
        self.published.append((message, reason))

    async def park(self, message: int) -> None:
        self._fail("park")
        self.parked.append(message)

    def _fail(self, method: str) -> None:
        if self.failures[method]:
            self.failures[method] -= 1
            raise TransientError(f"{method}: not now")


class Effects:
    """A handler in which a message has its effect once; bad ones are refused, early ones returned."""

    def __init__(
        self,
        bad: Callable[[int], bool] = lambda _: False,
        failures: int = 0,
        early: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.bad, self.failures, self.early = bad, failures, early
        self.done: list[int] = []
        self.sizes: list[int] = []
        self.channel = FakeChannel()

    def processor(self, limit: int = 10) -> BatchProcessor[int]:
        return BatchProcessor("test", self.handle, self.channel, first_pause=0, longest_pause=0, limit=limit)

    async def handle(self, batch: Sequence[int]) -> Sequence[int]:
        self.sizes.append(len(batch))
        if self.failures:
            self.failures -= 1
            raise TransientError("not now")
        for one in batch:
            if self.bad(one):
                raise PermanentError(f"{one} is bad")
        self.done += [one for one in batch if not self.early(one) and one not in self.done]
        return [one for one in batch if self.early(one)]


async def test_a_good_batch_is_handled_once_and_whole() -> None:
    effects = Effects()
    await effects.processor().process(range(100))
    assert (effects.sizes, effects.done) == ([100], list(range(100)))
    assert (effects.channel.stored, effects.channel.published, effects.channel.parked) == ([], [], [])


async def test_an_empty_batch_is_nothing() -> None:
    effects = Effects()
    await effects.processor().process([])
    assert effects.sizes == []


async def test_a_transient_failure_is_tried_again_until_it_passes() -> None:
    effects = Effects(failures=7)
    before = REGISTRY.get_sample_value("joldama_retries_total", {"step": "consumer.test"}) or 0
    await effects.processor().process([1, 2])
    assert (effects.sizes, effects.done, effects.channel.stored) == ([2] * 8, [1, 2], [])
    assert REGISTRY.get_sample_value("joldama_retries_total", {"step": "consumer.test"}) == before + 7


async def test_a_failing_batch_is_halved_until_the_culprit_stands_alone() -> None:
    effects = Effects(bad=lambda n: n == 5)
    await effects.processor().process(range(8))
    assert effects.done == [0, 1, 2, 3, 4, 6, 7]
    assert effects.channel.stored == effects.channel.published == [(5, "5 is bad")]
    assert len(effects.sizes) == 7


@pytest.mark.parametrize("method", ["store", "publish"])
async def test_dead_lettering_is_tried_again_while_it_fails(method: str) -> None:
    effects = Effects(bad=lambda _: True)
    effects.channel.failures[method] = 3
    await effects.processor().process([1])
    assert effects.channel.stored == effects.channel.published == [(1, "1 is bad")]


async def test_an_unexpected_error_is_a_dead_letter_that_names_it() -> None:
    channel = FakeChannel()

    async def stumble(batch: Sequence[int]) -> Sequence[int]:
        raise KeyError("field")

    await BatchProcessor("test", stumble, channel).process([1])
    assert channel.stored == channel.published == [(1, "KeyError: 'field'")]


async def test_ten_dead_letters_in_a_row_stop_the_consumer() -> None:
    effects = Effects(bad=lambda _: True)
    with pytest.raises(TooManyDeadLetters, match="10 dead letters in a row, the last: 9 is bad"):
        await effects.processor().process(range(30))
    assert [message for message, _ in effects.channel.published] == list(range(10))


async def test_a_success_between_them_begins_the_count_anew() -> None:
    effects = Effects(bad=lambda n: n % 10 != 0)
    processor = effects.processor()
    for n in range(40):
        await processor.process([n])
    assert len(effects.channel.published) == 36


async def test_dead_letters_that_were_known_do_not_stop_the_consumer_and_new_ones_still_do() -> None:
    effects = Effects(bad=lambda _: True)
    effects.channel.known |= set(range(10))
    processor = effects.processor()
    await processor.process(range(10))
    assert processor.in_a_row == 0
    with pytest.raises(TooManyDeadLetters, match="the last: 19 is bad"):
        await processor.process(range(30))
    assert [message for message, _ in effects.channel.published[10:]] == list(range(20))


async def test_a_letter_is_stored_once_however_often_kafka_refuses_it() -> None:
    effects = Effects(bad=lambda _: True)
    effects.channel.failures["publish"] = 3
    processor = effects.processor()
    await processor.process([1])
    assert effects.channel.stored == effects.channel.published == [(1, "1 is bad")]
    assert processor.in_a_row == 1


async def test_early_messages_are_parked_and_the_others_go_on() -> None:
    effects = Effects(early=lambda n: n % 3 == 0)
    await effects.processor().process(range(10))
    assert (effects.sizes, effects.done) == ([10], [1, 2, 4, 5, 7, 8])
    assert effects.channel.parked == [0, 3, 6, 9]
    assert effects.channel.stored == effects.channel.published == []


async def test_parking_is_tried_again_while_it_fails_and_the_batch_is_not_handled_again() -> None:
    effects = Effects(early=lambda n: n == 2)
    effects.channel.failures["park"] = 3
    await effects.processor().process([1, 2, 3])
    assert (effects.sizes, effects.done, effects.channel.parked) == ([3], [1, 3], [2])


async def test_early_messages_are_parked_also_from_the_halves_of_a_batch_with_a_culprit() -> None:
    effects = Effects(bad=lambda n: n == 5, early=lambda n: n in (2, 7))
    await effects.processor().process(range(8))
    assert (effects.done, effects.channel.parked) == ([0, 1, 3, 4, 6], [2, 7])
    assert effects.channel.stored == [(5, "5 is bad")]


async def test_early_messages_are_no_dead_letters_in_a_row() -> None:
    effects = Effects(early=lambda _: True)
    processor = effects.processor()
    for n in range(30):
        await processor.process([n])
    assert (processor.in_a_row, effects.channel.parked) == (0, list(range(30)))


async def test_a_crash_between_the_effects_and_the_parking_loses_nothing_when_the_batch_comes_again() -> None:
    effects = Effects(early=lambda n: n in (2, 4))
    effects.channel.failures["park"] = 1_000_000
    crashed = asyncio.create_task(effects.processor().process(range(6)))
    while effects.channel.failures["park"] == 1_000_000:
        await asyncio.sleep(0)
    crashed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await crashed
    assert (effects.done, effects.channel.parked) == ([0, 1, 3, 5], [])
    effects.channel.failures.clear()
    await effects.processor().process(range(6))
    assert (effects.done, effects.channel.parked) == ([0, 1, 3, 5], [2, 4])


@given(st.lists(st.sampled_from(["good", "bad", "early"]), max_size=60), st.integers(0, 5), st.integers(0, 5))
async def test_whatever_comes_each_message_ends_once_and_in_order(
    kinds: list[str], failures: int, channel_failures: int
) -> None:
    def of(kind: str) -> list[int]:
        return [n for n, one in enumerate(kinds) if one == kind]

    effects = Effects(lambda n: kinds[n] == "bad", failures, lambda n: kinds[n] == "early")
    effects.channel.failures |= dict.fromkeys(("store", "publish", "park"), channel_failures)
    await effects.processor(limit=1000).process(range(len(kinds)))
    assert effects.done == of("good")
    assert effects.channel.parked == of("early")
    assert [n for n, _ in effects.channel.stored] == of("bad")
    assert [n for n, _ in effects.channel.published] == of("bad")
