"""Whether a consumer is stalled, with time passed in."""

from aiokafka import TopicPartition

from services.kit.kafka.stall_detector import StallDetector

A, B, OTHER = TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("u", 0)


def test_nothing_unread_is_no_stall_however_long() -> None:
    detector = StallDetector(within=60)
    for now in (0, 1000, 2000):
        detector.observe({A: 7}, {A: 0}, now)
        assert detector.stalled() == {}
    assert detector.lag() == {"t": 0}


def test_unread_records_and_no_progress_are_a_stall_after_its_time() -> None:
    detector = StallDetector(within=60)
    for now, unread, expected in ((0, 0, {}), (1000, 2, {}), (1060, 3, {}), (1061, 3, {"t": 61})):
        detector.observe({A: 7}, {A: unread}, now)
        assert detector.stalled() == expected
    assert detector.lag() == {"t": 3}
    detector.observe({A: 8}, {A: 2}, 1062)
    assert detector.stalled() == {}


def test_a_big_backlog_that_moves_is_no_stall() -> None:
    detector = StallDetector(within=60)
    for now in range(0, 600, 50):
        detector.observe({A: now}, {A: 1_000_000 - now}, now)
        assert detector.stalled() == {}
    assert detector.lag() == {"t": 1_000_000 - 550}


def test_one_stalled_partition_among_others_that_move_is_told_by_its_topic() -> None:
    detector = StallDetector(within=60)
    for now in (0, 50, 100):
        detector.observe({A: now, B: 3, OTHER: now}, {A: 500 - now, B: 1, OTHER: 500 - now}, now)
    assert detector.stalled() == {"t": 100}
    assert detector.lag() == {"t": 401, "u": 400}


def test_a_partition_that_is_gone_is_neither_a_stall_nor_lag() -> None:
    detector = StallDetector(within=60)
    detector.observe({A: 9, B: 1}, {A: 0, B: 1}, 0)
    assert detector.lag() == {"t": 1}
    detector.observe({A: 9, B: 1}, {A: 0}, 100)
    assert (detector.stalled(), detector.lag()) == ({}, {"t": 0})


def test_what_turns_out_to_be_read_is_a_stall_no_longer_and_begins_anew() -> None:
    detector = StallDetector(within=60)
    for now, unread, expected in ((0, 1, {}), (61, 1, {"t": 61}), (62, 0, {}), (200, 1, {}), (261, 1, {"t": 61})):
        detector.observe({A: 7}, {A: unread}, now)
        assert detector.stalled() == expected


def test_a_position_of_none_is_the_beginning() -> None:
    detector = StallDetector(within=60)
    detector.observe({}, {A: 5}, 0)
    assert detector.lag() == {"t": 5}
    detector.observe({}, {A: 5}, 61)
    assert detector.stalled() == {"t": 61}
