"""Settling batches: each message has had its effect, or lies in the dead letters with its reason."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.errors import PermanentError, TransientError
from services.kit.kafka.batch_processor import BatchProcessor, TooManyDeadLetters


class Effects:
    """A handler that keeps what it took, refuses what is bad, and fails as often as it is told."""

    def __init__(self, bad: Callable[[int], bool] = lambda _: False, failures: int = 0) -> None:
        self.bad, self.failures = bad, failures
        self.done: list[int] = []
        self.dead: list[tuple[int, str]] = []
        self.sizes: list[int] = []

    def settler(self, **options: int) -> BatchProcessor[int]:
        return BatchProcessor("test", self.handle, self.set_aside, first_pause=0, longest_pause=0, **options)

    async def handle(self, batch: Sequence[int]) -> None:
        self.sizes.append(len(batch))
        self._fail()
        for one in batch:
            if self.bad(one):
                raise PermanentError(f"{one} is bad")
        self.done += batch

    async def set_aside(self, message: int, reason: str) -> None:
        self._fail()
        self.dead.append((message, reason))

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise TransientError("not now")


async def test_a_good_batch_is_handled_once_and_whole() -> None:
    effects = Effects()
    await effects.settler().settle(range(100))
    assert (effects.sizes, effects.dead) == ([100], [])


async def test_an_empty_batch_is_nothing() -> None:
    effects = Effects()
    await effects.settler().settle([])
    assert effects.sizes == []


async def test_a_transient_failure_is_tried_again_until_it_passes() -> None:
    effects = Effects(failures=7)
    await effects.settler().settle([1, 2])
    assert (effects.sizes, effects.done, effects.dead) == ([2] * 8, [1, 2], [])


async def test_a_failing_batch_is_halved_until_the_culprit_stands_alone() -> None:
    effects = Effects(bad=lambda n: n == 5)
    await effects.settler().settle(range(8))
    assert effects.done == [0, 1, 2, 3, 4, 6, 7]
    assert effects.dead == [(5, "5 is bad")]
    assert len(effects.sizes) == 7


async def test_setting_aside_is_tried_again_while_it_fails() -> None:
    effects = Effects(bad=lambda _: True)
    settler = effects.settler()

    async def refuse_then_fail(batch: Sequence[int]) -> None:
        effects.failures = 3
        raise PermanentError("bad")

    settler.handle = refuse_then_fail
    await settler.settle([1])
    assert effects.dead == [(1, "bad")]


async def test_an_unexpected_error_is_a_dead_letter_that_names_it() -> None:
    effects = Effects()

    async def stumble(batch: Sequence[int]) -> None:
        raise KeyError("field")

    settler = effects.settler()
    settler.handle = stumble
    await settler.settle([1])
    assert effects.dead == [(1, "KeyError: 'field'")]


async def test_ten_dead_letters_in_a_row_stop_the_consumer() -> None:
    effects = Effects(bad=lambda _: True)
    with pytest.raises(TooManyDeadLetters, match="10 dead letters in a row, the last: 9 is bad"):
        await effects.settler().settle(range(30))
    assert [message for message, _ in effects.dead] == list(range(10))


async def test_a_success_between_them_begins_the_count_anew() -> None:
    effects = Effects(bad=lambda n: n % 10 != 0)
    settler = effects.settler()
    for n in range(40):
        await settler.settle([n])
    assert len(effects.dead) == 36


async def test_dead_letters_that_were_known_do_not_stop_the_consumer_and_new_ones_still_do() -> None:
    effects, known = Effects(bad=lambda _: True), set(range(10))
    settler = effects.settler()

    async def record(message: int, _: str) -> bool:
        return message in known or known.add(message) is not None

    settler.record = record
    await settler.settle(range(10))
    assert settler.in_a_row == 0
    with pytest.raises(TooManyDeadLetters, match="the last: 19 is bad"):
        await settler.settle(range(30))
    assert [message for message, _ in effects.dead[10:]] == list(range(20))


async def test_a_letter_is_recorded_once_however_often_kafka_refuses_it() -> None:
    effects, recorded = Effects(bad=lambda _: True), []
    settler = effects.settler()

    async def record(message: int, _: str) -> bool:
        recorded.append(message)
        effects.failures = 3
        return False

    settler.record = record
    await settler.settle([1])
    assert (recorded, effects.dead, settler.in_a_row) == ([1], [(1, "1 is bad")], 1)


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 5))
async def test_whatever_is_bad_each_message_ends_once_and_in_order(bad: list[bool], failures: int) -> None:
    effects = Effects(bad=lambda n: bad[n], failures=failures)
    await effects.settler(limit=1000).settle(range(len(bad)))
    assert effects.done == [n for n, is_bad in enumerate(bad) if not is_bad]
    assert [n for n, _ in effects.dead] == [n for n, is_bad in enumerate(bad) if is_bad]
