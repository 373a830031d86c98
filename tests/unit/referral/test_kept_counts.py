"""Counts of long lists are kept for a second, those of short ones not at all."""

from collections.abc import Iterator

import pytest

from services.referral.adapters.kept_counts import MOST, SECONDS, KeptCounts


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(clock: Clock) -> KeptCounts[int]:
    return KeptCounts(int, long=10, clock=clock)


def of(*found: int) -> Iterator[int]:
    yield from found


def test_a_short_list_is_counted_each_time(kept: KeptCounts[int]) -> None:
    counts = of(1, 9, 0)
    assert [kept.of("list", lambda: next(counts)) for _ in range(3)] == [1, 9, 0]


def test_a_long_list_is_counted_once_a_second(kept: KeptCounts[int], clock: Clock) -> None:
    counts = of(10, 12, 3, 4)
    assert [kept.of("list", lambda: next(counts)) for _ in range(3)] == [10, 10, 10]
    clock.now += SECONDS
    assert [kept.of("list", lambda: next(counts)) for _ in range(2)] == [12, 12]
    clock.now += SECONDS
    assert [kept.of("list", lambda: next(counts)) for _ in range(2)] == [3, 4], "it has become short"


def test_each_list_has_its_own_count(kept: KeptCounts[int]) -> None:
    assert [kept.of(one, lambda: 20) for one in "ab"] == [20, 20]
    assert [kept.of(one, lambda: 30) for one in "abc"] == [20, 20, 30]


def test_one_counts_and_the_others_have_the_old_count_meanwhile(kept: KeptCounts[int], clock: Clock) -> None:
    assert kept.of("list", lambda: 20) == 20
    clock.now += SECONDS
    meanwhile: list[int] = []

    def count() -> int:
        meanwhile.append(kept.of("list", lambda: 99))
        return 21

    assert (kept.of("list", count), meanwhile) == (21, [20])


def test_a_count_that_fails_is_tried_again_after_its_second(kept: KeptCounts[int], clock: Clock) -> None:
    assert kept.of("list", lambda: 20) == 20
    clock.now += SECONDS
    with pytest.raises(ZeroDivisionError):
        kept.of("list", lambda: 1 // 0)
    clock.now += SECONDS
    assert kept.of("list", lambda: 21) == 21


def test_not_endlessly_many_are_kept(kept: KeptCounts[int]) -> None:
    for one in range(MOST + 1):
        kept.of(one, lambda: 20)
    assert kept.of(0, lambda: 30) == 30, "it was forgotten, and is counted again"
