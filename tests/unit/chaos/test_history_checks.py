"""The history checks name what is missing or does not fit in a referral's rows."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from services.contracts.events import ReferralAcceptedV1, ReferralEvent, ReferralOfferedV1, ReferralWaitingV1
from services.contracts.vocabulary import ReferralState
from services.referral.adapters.tables import HistoryRow, OfferRow, QueueEntryRow, ReferralRow
from tests.chaos.history_checks import inconsistencies
from tests.chaos.record import RecordedReferral

ID, NOON = str(uuid4()), datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(kind: type[ReferralEvent], version: int, state: ReferralState) -> ReferralEvent:
    return kind(
        referral_id=ID, child_id=uuid4(), polyclinic_id="p", version=version, state=state, attempt=1, actor="a",
        deadline_at=NOON,
    )  # fmt: skip


def step(version: int, command: str, before: str, after: str) -> HistoryRow:
    return HistoryRow(
        referral_id=ID, version=version, at=NOON, actor="a", command=command, from_state=before, to_state=after,
        reason=None, note=None, detail=None, note_id=None,
    )  # fmt: skip


def accepted(**changed: Any) -> RecordedReferral:
    row: dict[str, Any] = {
        "id": ID, "state": "accepted", "version": 2, "attempt": 1, "center_id": "c", "programme_id": "c-1",
        "deadline_at": NOON, "due_at": NOON,
    }  # fmt: skip
    offer: dict[str, Any] = {
        "referral_id": ID,
        "attempt": 1,
        "center_id": "c",
        "programme_id": "c-1",
        "kilometers": 1.0,
    }
    return RecordedReferral(
        ReferralRow(**row | changed),
        [step(1, "offer", "submitted", "offered"), step(2, "accept", "offered", "accepted")],
        [OfferRow(**offer, state="accepted", made_at=NOON, answer_by=NOON)],
        events=[
            event(ReferralOfferedV1, 1, ReferralState.OFFERED),
            event(ReferralAcceptedV1, 2, ReferralState.ACCEPTED),
        ],
    )


def test_consistent_rows_have_no_finding() -> None:
    assert list(inconsistencies(accepted())) == []


def test_a_row_that_its_history_and_events_do_not_lead_to_is_named() -> None:
    assert len(list(inconsistencies(accepted(state="offered")))) == 2
    assert len(list(inconsistencies(accepted(version=3)))) == 1
    assert len(list(inconsistencies(accepted(attempt=2)))) == 1


def test_a_gap_in_the_history_is_named() -> None:
    referral = accepted()
    del referral.history[0], referral.events[0]
    assert len(list(inconsistencies(referral))) == 2


def test_a_step_without_its_event_is_named() -> None:
    referral = accepted()
    referral.events.pop()
    assert len(list(inconsistencies(referral))) == 1


def test_an_open_referral_without_deadline_or_center_is_named() -> None:
    assert any("without a deadline" in one for one in inconsistencies(accepted(due_at=None)))
    assert any("without a center" in one for one in inconsistencies(accepted(center_id=None)))


def test_an_open_offer_too_many_is_named() -> None:
    referral = accepted()
    referral.offers.append(referral.offers[0].model_copy(update={"attempt": 2, "state": "made"}))
    assert len(list(inconsistencies(referral))) == 1


def waiting(*queues: QueueEntryRow) -> RecordedReferral:
    referral = accepted(state="waiting", version=1, center_id=None, programme_id=None)
    referral.history, referral.offers = [step(1, "wait", "submitted", "waiting")], []
    referral.events = [event(ReferralWaitingV1, 1, ReferralState.WAITING)]
    referral.queues = list(queues)
    return referral


def entry(attempt: int) -> QueueEntryRow:
    return QueueEntryRow(referral_id=ID, attempt=attempt, programme_id="c-1", since=NOON, reason="decided")


def test_a_waiting_referral_without_a_queue_entry_of_its_attempt_is_named() -> None:
    assert list(inconsistencies(waiting(entry(1)))) == []
    assert any("without a queue entry" in one for one in inconsistencies(waiting()))
    assert any("of attempts [2]" in one for one in inconsistencies(waiting(entry(1), entry(2))))
