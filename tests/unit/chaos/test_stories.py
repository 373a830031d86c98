"""Whether a story is whole: what is missing or does not fit is named."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from services.contracts.events import ReferralAcceptedV1, ReferralEvent, ReferralOfferedV1
from services.contracts.vocabulary import ReferralState
from services.referral.adapters.tables import HistoryRow, OfferRow, ReferralRow
from tests.chaos.record import Story
from tests.chaos.stories import broken

ID, NOON = str(uuid4()), datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(kind: type[ReferralEvent], version: int, state: ReferralState) -> ReferralEvent:
    return kind(
        referral_id=ID, child_id=uuid4(), polyclinic_id="p", version=version, state=state, attempt=1, actor="a",
        deadline_at=NOON,
    )  # fmt: skip


def step(version: int, command: str, before: str, after: str) -> HistoryRow:
    return HistoryRow(
        referral_id=ID, version=version, at=NOON, actor="a", command=command, from_state=before, to_state=after
    )


def accepted(**changed: Any) -> Story:
    row = {
        "id": ID, "state": "accepted", "version": 2, "attempt": 1, "center_id": "c", "programme_id": "c-1",
        "deadline_at": NOON, "due_at": NOON,
    }  # fmt: skip
    offer = {"referral_id": ID, "attempt": 1, "center_id": "c", "programme_id": "c-1", "kilometers": 1.0}
    return Story(
        ReferralRow(**row | changed),
        [step(1, "offer", "submitted", "offered"), step(2, "accept", "offered", "accepted")],
        [OfferRow(**offer, state="accepted", made_at=NOON, answer_by=NOON)],
        {},
        [event(ReferralOfferedV1, 1, ReferralState.OFFERED), event(ReferralAcceptedV1, 2, ReferralState.ACCEPTED)],
    )


def test_a_whole_story_is_not_broken() -> None:
    assert list(broken(accepted())) == []


def test_a_row_that_its_history_and_events_do_not_lead_to_is_named() -> None:
    assert len(list(broken(accepted(state="offered")))) == 2
    assert len(list(broken(accepted(version=3)))) == 1
    assert len(list(broken(accepted(attempt=2)))) == 1


def test_a_gap_in_the_history_is_named() -> None:
    story = accepted()
    del story.history[0], story.events[0]
    assert len(list(broken(story))) == 2


def test_a_step_without_its_event_is_named() -> None:
    story = accepted()
    story.events.pop()
    assert len(list(broken(story))) == 1


def test_an_open_referral_without_deadline_or_center_is_named() -> None:
    assert any("without a deadline" in one for one in broken(accepted(due_at=None)))
    assert any("without a center" in one for one in broken(accepted(center_id=None)))


def test_an_open_offer_too_many_is_named() -> None:
    story = accepted()
    story.offers.append(story.offers[0].model_copy(update={"attempt": 2, "state": "made"}))
    assert len(list(broken(story))) == 1
