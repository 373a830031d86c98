"""Whether a referral's story is whole: history without a gap, by the table, and every event folds to the row. Pure."""

from collections.abc import Iterator
from datetime import datetime

from services.contracts.events import ReferralEvent
from services.contracts.vocabulary import CLOSED, ReferralState
from services.referral.adapters.tables import HistoryRow, ReferralRow
from services.referral.domain.life import TRANSITIONS
from tests.chaos.record import Story

_TABLE = {(one.state.value, one.command.value): one for one in TRANSITIONS}
_IN_HAND = ("made", "seen", "accepted")
_HAS_OFFER = ("offered", "accepted", "admitted")


def broken(story: Story) -> Iterator[str]:
    """What is not as it must be, in words."""
    row = story.row
    told = [*_steps(row, story.history), *_events(row, story.history, story.events), *_keeping(row), *_offers(story)]
    for one in told:
        yield f"{row.id}: {one}"


def _steps(row: ReferralRow, history: list[HistoryRow]) -> Iterator[str]:
    versions = [one.version for one in history]
    if versions != list(range(1, row.version + 1)):
        yield f"its history has versions {versions}, its row is at {row.version}"
    state = ReferralState.SUBMITTED.value
    for one in history:
        known = _TABLE.get((one.from_state, one.command))
        if one.from_state != state or known is None or known.to != one.to_state:
            yield f"step {one.version} went by {one.command} from {one.from_state} to {one.to_state}, it was {state}"
        state = one.to_state
    if state != row.state:
        yield f"its history ends {state}, its row is {row.state}"


def _events(row: ReferralRow, history: list[HistoryRow], events: list[ReferralEvent]) -> Iterator[str]:
    if [one.version for one in events] != [one.version for one in history]:
        yield f"its events have versions {[one.version for one in events]}, its history ends at {row.version}"
        return
    for event, step in zip(events, history, strict=True):
        wanted = _TABLE.get((step.from_state, step.command))
        if wanted and (type(event), event.state.value) != (wanted.event, step.to_state):
            yield f"event {event.version} is {event.TYPE} ({event.state}), its step {step.command} to {step.to_state}"
    last = events[-1] if events else None
    if last and (last.state.value, last.attempt, _kept(last.deadline_at)) != (row.state, row.attempt, row.deadline_at):
        yield f"its events fold to {last.state} ({last.attempt}), its row is {row.state} ({row.attempt})"


def _keeping(row: ReferralRow) -> Iterator[str]:
    """Who is open is routed, and has a deadline, and a center where one must act."""
    if ReferralState(row.state) in CLOSED:
        return
    if row.deadline_at is None or row.due_at is None:
        yield f"it is {row.state} without a deadline"
    if row.state in _HAS_OFFER and not (row.center_id and row.programme_id):
        yield f"it is {row.state} without a center"


def _kept(moment: datetime | None) -> datetime | None:
    """As a table keeps it: to the millisecond."""
    return moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _offers(story: Story) -> Iterator[str]:
    """One at most is open; that of a child who was in care stays accepted."""
    in_hand = [one for one in story.offers if one.state in _IN_HAND]
    has = story.row.state in (*_HAS_OFFER, "completed")
    if len(in_hand) != has or (has and in_hand[0].programme_id != story.row.programme_id):
        held = ", ".join(f"{one.programme_id} ({one.state}, {one.attempt})" for one in in_hand) or "none"
        yield f"it is {story.row.state} at {story.row.programme_id}, its open offers are {held}"
