"""Which events let a center read, and which end that."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.contracts import events
from services.contracts.events import (
    KNOWN,
    CenterRegisteredV1,
    OfferDeclinedV1,
    Payload,
    ReferralEvent,
    ReferralOfferedV1,
    write_event,
)
from services.contracts.vocabulary import ReferralState
from services.intake.handlers.follow import read_step
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
    step = read_step(written(event(ReferralOfferedV1, state)))
    assert step is not None
    assert (step.center_id == "c1") is (state.value in {"offered", "accepted", "admitted"})
    assert step.closed is (state.value in {"completed", "cancelled"})


@pytest.mark.parametrize("state", list(ReferralState))
def test_who_declined_holds_nothing_in_any_state(state: ReferralState) -> None:
    step = read_step(written(event(OfferDeclinedV1, state)))
    assert step is not None
    assert step.center_id is None


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
def test_each_step_of_the_life_opens_or_ends_what_a_center_may_read(
    cls: type[ReferralEvent], state: ReferralState, holds: bool, closed: bool
) -> None:
    step = read_step(written(event(cls, state)))
    assert step is not None
    assert (step.center_id == "c1", step.closed) == (holds, closed)


@pytest.mark.parametrize("cls", [c for c in KNOWN.values() if issubclass(c, ReferralEvent)])
def test_every_event_of_a_referral_is_a_step(cls: type[Any]) -> None:
    assert read_step(written(event(cls, ReferralState.WAITING))) is not None


def test_other_events_are_ignored() -> None:
    assert read_step(written(CenterRegisteredV1(center_id="c", version=1))) is None
    assert read_step(written(event(ReferralOfferedV1, ReferralState.OFFERED)).replace(b".v1", b".v9")) is None


def test_what_is_no_event_is_permanent() -> None:
    with pytest.raises(PermanentError, match="id: Field required"):
        read_step(b'{"specversion": "1.0"}')
