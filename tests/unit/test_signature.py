"""An event's signature covers every byte of it."""

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.events import read_event, write_event
from services.contracts.events.signature import is_signed, sign
from tests.unit.referral.samples import NOW, diagnosis

KEY, OTHER = bytes(range(32)), bytes(32)


def written(key: bytes) -> bytes:
    return write_event(diagnosis(1), event_id="1", source="/joldama/intake", time=NOW, key=key)


def test_an_event_is_signed_for_the_holder_of_the_key_alone() -> None:
    signs = [(event.data, event.signed) for key in (KEY, OTHER, b"") if (event := read_event(written(KEY), key))]
    assert signs == [(diagnosis(1), True), (diagnosis(1), False), (diagnosis(1), False)]


def test_an_event_without_a_signature_is_signed_by_no_key_an_empty_one_least() -> None:
    assert [is_signed(written(b""), key) for key in (KEY, b"")] == [False, False]
    assert not is_signed(sign(b"{}", b""), b""), "whoever has no key has the empty one"


@given(st.data())
def test_no_byte_of_a_signed_event_can_be_changed_added_or_left_out(data: st.DataObject) -> None:
    event = written(KEY)
    at = data.draw(st.integers(0, len(event)))
    change = data.draw(st.binary(max_size=3))
    changed = event[:at] + change + event[at + data.draw(st.integers(0, 3)) :]
    assert is_signed(changed, KEY) == (changed == event)
