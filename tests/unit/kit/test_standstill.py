"""Whether a consumer stands still, with time passed in."""

from aiokafka import TopicPartition

from services.kit.kafka.stall_detector import StallDetector

A, B, OTHER = TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("u", 0)


def test_nothing_to_take_is_no_standstill_however_long() -> None:
    standstill = StallDetector(within=60)
    for now in (0, 1000, 2000):
        standstill.observe({A: 7}, {A: 7}, now)
        assert standstill.standing() == {}
    assert standstill.by_topic() == {"t": 0}


def test_something_to_take_and_no_progress_stands_still_after_its_time() -> None:
    standstill = StallDetector(within=60)
    for now, end, expected in ((0, 7, {}), (1000, 9, {}), (1060, 10, {}), (1061, 10, {"t": 61})):
        standstill.observe({A: 7}, {A: end}, now)
        assert standstill.standing() == expected
    assert standstill.by_topic() == {"t": 3}
    standstill.observe({A: 8}, {A: 10}, 1062)
    assert standstill.standing() == {}


def test_a_big_backlog_that_moves_is_no_standstill() -> None:
    standstill = StallDetector(within=60)
    for now in range(0, 600, 50):
        standstill.observe({A: now}, {A: 1_000_000}, now)
        assert standstill.standing() == {}
    assert standstill.by_topic() == {"t": 1_000_000 - 550}


def test_one_partition_that_stands_still_among_others_that_move_is_told_by_its_topic() -> None:
    standstill = StallDetector(within=60)
    for now in (0, 50, 100):
        standstill.observe({A: now, B: 3, OTHER: now}, {A: 500, B: 4, OTHER: 500}, now)
    assert standstill.standing() == {"t": 100}
    assert standstill.by_topic() == {"t": 401, "u": 400}


def test_a_position_beyond_a_log_that_became_shorter_and_a_log_that_is_gone_are_no_lag() -> None:
    standstill = StallDetector(within=60)
    standstill.observe({A: 9, B: 1}, {A: 5, B: 2}, 0)
    assert standstill.by_topic() == {"t": 1}
    standstill.observe({A: 9, B: 1}, {A: 5}, 100)
    assert (standstill.standing(), standstill.by_topic()) == ({}, {"t": 0})


def test_a_group_that_has_never_committed_lags_by_the_whole_log() -> None:
    standstill = StallDetector(within=60)
    standstill.observe({}, {A: 5}, 0)
    assert standstill.by_topic() == {"t": 5}
