"""Step ids, what a reader missed, and the stream's entries."""

import pytest

from services.capacity.domain.entries import read_entry, read_figures
from services.capacity.domain.feed import Told
from services.capacity.domain.step import StepId, resumable
from services.capacity.handlers.relay_steps import outgoing
from services.contracts.events import ClaimQueuedV1, PlaceHeldV1, read_event
from tests.integration.capacity.network import NOW

RECORD = "5 2 1 0 1767225600000 center-1 KZ-10 day_stay"
HELD = {
    "type": "held", "at": "1772442000000", "referral": "00000000-0000-0000-0000-000000000007", "attempt": "2",
    "programme": "a", "record": RECORD, "waiting": "0",
}  # fmt: skip


def test_an_id_is_read_as_it_is_written() -> None:
    assert str(StepId.parse("1767225600000-42")) == "1767225600000-42"
    assert StepId.parse("9-2") < StepId.parse("10-1") < StepId.parse("10-3")


@pytest.mark.parametrize("text", ["", "-", "1", "1-", "-1", "1-2-3", "1-x", " 1-2", "1-2\n", "٣-٤", "9" * 16 + "-1"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an id"):
        StepId.parse(text)


def test_a_reader_goes_on_from_a_step_that_is_kept_or_came_just_before_the_first() -> None:
    first = StepId(10, 5)
    assert resumable(StepId(10, 7), first=first, kept=True)
    assert resumable(StepId(10, 4), first=first, kept=False)
    for missed in (StepId(10, 3), StepId(10, 99), StepId(9, 4), StepId(11, 4)):
        assert not resumable(missed, first=first, kept=False)
    assert not resumable(StepId(10, 4), first=None, kept=False)


def test_an_entry_becomes_its_event() -> None:
    step = read_entry("1767225600000-42", HELD)
    assert isinstance(step.data, PlaceHeldV1)
    assert (step.data.places, step.data.held, step.data.occupied, step.data.free) == (5, 2, 1, 2)
    assert (step.data.attempt, step.data.epoch, step.data.sequence) == (2, "1767225600000", 42)
    assert step.at == NOW
    queued = read_entry("1-1", {**HELD, "type": "queued", "rank": "-5", "programmes": "b a"})
    assert isinstance(queued.data, ClaimQueuedV1)
    assert (queued.data.programme_ids, queued.data.rank, queued.data.key) == (("b", "a"), -5, "b")


def test_a_step_is_published_as_a_cloud_event_under_an_id_of_its_own() -> None:
    topic, key, payload, event_id = outgoing(read_entry("1767225600000-42", HELD))
    assert (topic, key, event_id) == ("capacity.v1", "a", "capacity-1767225600000-42")
    event = read_event(payload)
    assert event is not None
    assert (event.envelope.id, event.envelope.subject, event.envelope.time) == (event_id, "a", NOW)
    assert event.data == read_entry("1767225600000-42", HELD).data


def test_the_feed_names_the_referral_to_operators_only() -> None:
    told = Told(read_entry("1767225600000-42", HELD))
    assert told.full.startswith(b"id: 1767225600000-42\nevent: kz.joldama.place.held.v1\ndata: {")
    assert b"referral_id" in told.full
    for personal in (b"referral_id", b"attempt", b"rank"):
        assert personal not in told.public


def test_a_record_becomes_figures() -> None:
    found = read_figures("a", "2 2 1 0 1767225600000 center-1 KZ-10 day_stay", 4, NOW)
    assert (found.free, found.overcommitted, found.waiting, found.stale) == (0, 1, 4, True)
    assert read_figures("a", RECORD.replace(" 0 ", " 1 ", 1), 0, NOW).free == 0
