"""Checks of one referral's rows: a history without a gap, legal steps, and events that fold to the row. Pure."""

from collections.abc import Iterator
from datetime import datetime

from services.contracts.events import ReferralEvent
from services.contracts.vocabulary import CLOSED, ReferralState
from services.referral.adapters.tables import HistoryRow, ReferralRow
from services.referral.domain.life import TRANSITIONS
from tests.chaos.record import RecordedReferral

_TABLE = {(one.state.value, one.command.value): one for one in TRANSITIONS}
_OPEN_OFFERS = ("made", "seen", "accepted")
_HAS_OFFER = ("offered", "accepted", "admitted")


def inconsistencies(referral: RecordedReferral) -> Iterator[str]:
    """Faults in the referral's rows, in words."""
    row = referral.row
    found = [
        *_steps(row, referral.history),
        *_events(row, referral.history, referral.events),
        *_owner_and_deadline(row),
        *_offers(referral),
        *_queues(referral),
    ]
    for one in found:
        yield f"{row.id}: {one}"


def _steps(row: ReferralRow, history: list[HistoryRow]) -> Iterator[str]:
    versions = [one.version for one in history]
    if versions != list(range(1, row.version + 1)):
        yield f"its history has versions {versions}, its row is at {row.version}"
    state = ReferralState.SUBMITTED.value
    for one in history:
        transition = _TABLE.get((one.from_state, one.command))
        if one.from_state != state or transition is None or transition.to != one.to_state:
            yield f"step {one.version} went by {one.command} from {one.from_state} to {one.to_state}, it was {state}"
        state = one.to_state
    if state != row.state:
        yield f"its history ends {state}, its row is {row.state}"


def _events(row: ReferralRow, history: list[HistoryRow], events: list[ReferralEvent]) -> Iterator[str]:
    if [one.version for one in events] != [one.version for one in history]:
        yield f"its events have versions {[one.version for one in events]}, its history ends at {row.version}"
        return
    for event, step in zip(events, history, strict=True):
        expected = _TABLE.get((step.from_state, step.command))
        if expected and (type(event), event.state.value) != (expected.event, step.to_state):
            yield f"event {event.version} is {event.TYPE} ({event.state}), its step {step.command} to {step.to_state}"
    last = events[-1] if events else None
    if last and (last.state.value, last.attempt, _stored(last.deadline_at)) != (
        row.state,
        row.attempt,
        row.deadline_at,
    ):
        yield f"its events fold to {last.state} ({last.attempt}), its row is {row.state} ({row.attempt})"


def _owner_and_deadline(row: ReferralRow) -> Iterator[str]:
    """An open referral has a deadline, and a center where one must act."""
    if ReferralState(row.state) in CLOSED:
        return
    if row.deadline_at is None or row.due_at is None:
        yield f"it is {row.state} without a deadline"
    if row.state in _HAS_OFFER and not (row.center_id and row.programme_id):
        yield f"it is {row.state} without a center"


def _stored(moment: datetime | None) -> datetime | None:
    """The moment as SQL stores it: to the millisecond."""
    return moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _offers(referral: RecordedReferral) -> Iterator[str]:
    """At most one is open; that of a child who was in care stays accepted."""
    open_offers = [one for one in referral.offers if one.state in _OPEN_OFFERS]
    row = referral.row
    has = row.state in (*_HAS_OFFER, "completed")
    if len(open_offers) != has or (has and open_offers[0].programme_id != row.programme_id):
        listed = ", ".join(f"{one.programme_id} ({one.state}, {one.attempt})" for one in open_offers) or "none"
        yield f"it is {row.state} at {row.programme_id}, its open offers are {listed}"


def _queues(referral: RecordedReferral) -> Iterator[str]:
    """A waiting referral has queue entries of its attempt; none is of a later one."""
    attempts = {one.attempt for one in referral.queues}
    if referral.row.state == ReferralState.WAITING and referral.row.attempt not in attempts:
        yield f"it waits ({referral.row.attempt}) without a queue entry"
    if later := sorted(one for one in attempts if one > referral.row.attempt):
        yield f"it has queue entries of attempts {later}, its row is at {referral.row.attempt}"
