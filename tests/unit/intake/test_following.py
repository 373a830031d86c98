"""The events that grant a center access to a child's data, and those that end it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.contracts import events
from services.contracts.events import (
    KNOWN,
    CenterRegisteredV1,
    FigureSetV1,
    OfferDeclinedV1,
    Payload,
    ReferralEvent,
    ReferralOfferedV1,
    write_event,
)
from services.contracts.vocabulary import ReferralState
from services.intake.handlers.update_access import read_change
from services.kit.errors import PermanentError


def event(cls: type[ReferralEvent], state: ReferralState) -> ReferralEvent:
    return cls(
        referral_id=UUID(int=1),
        child_id=uuid4(),
        polyclinic_id="p1",
        version=3,
        state=state,
        attempt=1,
        center_id="c1",
        actor="system",
    )


def written(data: Payload) -> bytes:
    return write_event(data, event_id="e1", source="/test", time=datetime.now(UTC))


@pytest.mark.parametrize("state", list(ReferralState))
def test_a_center_holds_an_offer_in_three_states(state: ReferralState) -> None:
    change = read_change(written(event(ReferralOfferedV1, state)))
    assert change is not None
    assert (change.center_id == "c1") is (state.value in {"offered", "accepted", "admitted"})
    assert change.closed is (state.value in {"completed", "cancelled"})


@pytest.mark.parametrize("state", list(ReferralState))
def test_after_a_decline_the_center_has_no_offer_in_any_state(state: ReferralState) -> None:
    change = read_change(written(event(OfferDeclinedV1, state)))
    assert change is not None
    assert change.center_id is None


@pytest.mark.parametrize(
    ("cls", "state", "holds", "closed"),
    [
        (events.OfferReminderDueV1, ReferralState.OFFERED, True, False),
        (events.OfferExpiredV1, ReferralState.SUBMITTED, False, False),
        (events.ReferralAdmittedV1, ReferralState.ADMITTED, True, False),
        (events.ReferralEscalatedV1, ReferralState.ACCEPTED, True, False),
        (events.ReferralNoShowV1, ReferralState.NO_SHOW, False, False),
        (events.ReferralResubmittedV1, ReferralState.SUBMITTED, False, False),
        (events.ReferralCompletedV1, ReferralState.COMPLETED, False, True),
        (events.ReferralCancelledV1, ReferralState.CANCELLED, False, True),
    ],
)
def test_each_event_of_a_referral_grants_or_ends_a_center_s_access(
    cls: type[ReferralEvent], state: ReferralState, holds: bool, closed: bool
) -> None:
    change = read_change(written(event(cls, state)))
    assert change is not None
    assert (change.center_id == "c1", change.closed) == (holds, closed)


@pytest.mark.parametrize("cls", [c for c in KNOWN.values() if issubclass(c, ReferralEvent)])
def test_every_event_of_a_referral_is_a_change(cls: type[Any]) -> None:
    assert read_change(written(event(cls, ReferralState.WAITING))) is not None


def test_other_events_are_ignored() -> None:
    assert read_change(written(CenterRegisteredV1(center_id="c", version=1))) is None
    figure = FigureSetV1(
        center_id="c", programme_id="p", places=1, suspended=False, confirmed_at=datetime.now(UTC), version=1, actor="a"
    )
    assert read_change(written(figure)) is None
    assert read_change(written(event(ReferralOfferedV1, ReferralState.OFFERED)).replace(b".v1", b".v9")) is None


def test_a_malformed_event_is_a_permanent_error() -> None:
    with pytest.raises(PermanentError, match="id: Field required"):
        read_change(b'{"specversion": "1.0"}')
