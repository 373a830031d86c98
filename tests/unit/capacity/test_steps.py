"""Step ids, what a reader missed, and the stream's entries."""

import json
from datetime import timedelta

import pytest

from services.capacity.adapters.redis_relay_store import outgoing
from services.capacity.domain.entries import Record, read_entry, read_figures
from services.capacity.domain.feed import FeedMessage
from services.capacity.domain.figures import free_places, stale_after
from services.capacity.domain.step import Step, StepId, UnreadableStep
from services.contracts.events import ClaimQueuedV1, PlaceHandedOverV1, PlaceHeldV1, PlacesSetV1, read_event
from tests.integration.capacity.network import NOW

RECORD = "5 2 1 0 1767225600000 4 center-1 KZ-10 day_stay"
SEVEN_DAYS = stale_after(7)
HELD = {
    "type": "held", "at": "1772442000000", "referral": "00000000-0000-0000-0000-000000000007", "attempt": "2",
    "programme": "a", "record": RECORD, "waiting": "0",
}  # fmt: skip


def read(fields: dict[str, str] = HELD, entry_id: str = "1767225600000-42") -> Step:
    step = read_entry(entry_id, fields, SEVEN_DAYS)
    assert isinstance(step, Step), step
    return step


def test_an_id_is_read_as_it_is_written() -> None:
    assert str(StepId.parse("1767225600000-42")) == "1767225600000-42"
    assert StepId.parse("9-2") < StepId.parse("10-1") < StepId.parse("10-3")


@pytest.mark.parametrize("text", ["", "-", "1", "1-", "-1", "1-2-3", "1-x", " 1-2", "1-2\n", "٣-٤", "9" * 16 + "-1"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an id"):
        StepId.parse(text)


def test_an_entry_becomes_its_event() -> None:
    step = read()
    assert isinstance(step.data, PlaceHeldV1)
    assert (step.data.places, step.data.held, step.data.occupied, step.data.free) == (5, 2, 1, 2)
    assert (step.data.attempt, step.data.epoch, step.data.sequence) == (2, "1767225600000", 42)
    assert step.at == NOW
    queued = read({**HELD, "type": "queued", "rank": "-5", "programmes": "b a"}, "1-1")
    assert isinstance(queued.data, ClaimQueuedV1)
    assert (queued.data.programme_ids, queued.data.rank, queued.data.key) == (("b", "a"), -5, "b")


def test_an_entry_of_a_figure_has_its_confirmation_and_says_when_it_is_stale() -> None:
    placed = read({**HELD, "type": "set", "referral": "", "attempt": ""}).data
    assert isinstance(placed, PlacesSetV1)
    assert placed.confirmed_at is not None
    assert (placed.confirmed_at.isoformat(), placed.stale) == ("2026-01-01T00:00:00+00:00", True)
    unset = read({**HELD, "type": "set", "referral": "", "attempt": "", "record": "0 0 0 0 0 0 c r day_stay"}).data
    assert isinstance(unset, PlacesSetV1)
    assert (unset.confirmed_at, unset.stale, unset.places) == (None, True, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "moved"}, {"record": "1 2"}, {"record": RECORD + " more"}, {"at": "x"}, {"at": "9" * 20},
        {"attempt": "1e+14"}, {"attempt": "6.4e+33"}, {"attempt": "9" * 20}, {"waiting": "nan"}, {"referral": "x"},
    ],
)  # fmt: skip
def test_what_no_script_appended_is_a_dead_letter_with_its_reason(change: dict[str, str]) -> None:
    step = read_entry("1-2", {**HELD, **change}, SEVEN_DAYS)
    assert isinstance(step, UnreadableStep)
    ((topic, key, payload, event_id),) = outgoing(step)
    assert (topic, key, event_id) == ("capacity.v1.dlq", "1-2", "capacity-1-2")
    letter = json.loads(payload)
    assert letter["entry"] == {**HELD, **change}
    assert letter["id"] == event_id  # by which the relay knows its record
    assert letter["reason"]


def test_a_step_is_published_as_a_cloud_event_under_an_id_of_its_own() -> None:
    ((topic, key, payload, event_id),) = outgoing(read())
    assert (topic, key, event_id) == ("capacity.v1", "a", "capacity-1767225600000-42")
    event = read_event(payload)
    assert event is not None
    assert (event.envelope.id, event.envelope.subject, event.envelope.time) == (event_id, "a", NOW)
    assert event.data == read().data


def test_a_hand_over_is_published_to_two_topics_as_one_event() -> None:
    step = read({**HELD, "type": "handed_over", "left": "b c"})
    assert isinstance(step.data, PlaceHandedOverV1)
    first, second = outgoing(step)
    assert (first.topic, second.topic) == ("capacity.v1", "handovers.v1")
    assert first[1:] == second[1:]


def test_the_feed_names_the_referral_to_operators_only() -> None:
    message = FeedMessage(read())
    assert message.full.startswith(b"id: 1767225600000-42\nevent: kz.joldama.place.held.v1\ndata: {")
    assert b"referral_id" in message.full
    for personal in (b"referral_id", b"attempt", b"rank"):
        assert personal not in message.public


def test_a_record_becomes_figures() -> None:
    found = read_figures("a", "2 2 1 0 1767225600000 4 center-1 KZ-10 day_stay", 4, NOW, SEVEN_DAYS)
    assert (found.free, found.overcommitted, found.waiting, found.stale, found.version) == (0, 1, 4, True, 4)
    assert read_figures("a", RECORD.replace(" 0 ", " 1 ", 1), 0, NOW, SEVEN_DAYS).free == 0
    unset = read_figures("a", "0 0 0 0 0 0 center-1 KZ-10 day_stay", 3, NOW, SEVEN_DAYS)
    assert (unset.confirmed_at, unset.version, unset.free, unset.stale) == (None, 0, 0, True)


def test_figures_that_were_read_before_are_stale_when_their_time_has_come_and_change_with_each_number() -> None:
    confirmed = Record.parse(RECORD).confirmed_at
    assert confirmed is not None
    late = confirmed + timedelta(days=8)
    fresh = read_figures("a", RECORD, 4, confirmed, SEVEN_DAYS)
    assert not fresh.stale
    assert read_figures("a", RECORD, 4, late, SEVEN_DAYS) == fresh.model_copy(update={"stale": True})
    assert read_figures("b", RECORD, 4, confirmed, SEVEN_DAYS) == fresh.model_copy(update={"programme_id": "b"})
    assert read_figures("a", RECORD, 5, confirmed, SEVEN_DAYS) == fresh.model_copy(update={"waiting": 5})
    assert read_figures("a", RECORD.replace("5", "6", 1), 4, confirmed, SEVEN_DAYS).free == fresh.free + 1


def test_a_record_of_the_format_before_has_no_version() -> None:
    old = Record.parse("5 2 1 0 1767225600000 center-1 KZ-10 day_stay")
    assert old == Record.parse(RECORD)._replace(version=0)


@pytest.mark.parametrize(("age", "stale"), [(timedelta(days=2), False), (timedelta(days=2, seconds=1), True)])
def test_a_figure_is_stale_after_the_days_that_were_set(age: timedelta, stale: bool) -> None:
    assert stale_after(2)(NOW - age, NOW) is stale
    assert stale_after(3)(NOW - age, NOW) is False
    assert stale_after(1)(NOW - age, NOW) is True
    assert stale_after(3650)(None, NOW) is True


@pytest.mark.parametrize(
    ("counts", "free"), [((5, 2, 1, False), 2), ((5, 2, 1, True), 0), ((2, 2, 1, False), 0), ((0, 0, 0, False), 0)]
)
def test_free_places_are_never_less_than_none(counts: tuple[int, int, int, bool], free: int) -> None:
    assert free_places(*counts) == free
