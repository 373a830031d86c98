"""Each step of a referral: the fields it changes, its event, and its deadline."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.contracts.vocabulary import OfferState, Priority, ReferralState
from services.referral.domain.acts import Act, act
from services.referral.domain.eligibility import Exclusion
from services.referral.domain.life import Command, IllegalTransition
from services.referral.domain.referral import Change, Escalation, make_offer, set_aside, start_waiting
from services.referral.domain.routing import Candidate, Decision
from tests.unit.referral.samples import NOW, needs, referral

NOTE = UUID(int=77)
NOBODY = Decision((), {})
SOMEBODY = Decision((Candidate("p", 12.5, 0),), {})
CENTER = "center"
MIDNIGHT = datetime(2026, 3, 2, 19, 0, tzinfo=UTC)
"""When NOW's day ends in Kazakhstan."""
SEVEN = timedelta(days=7)


def offered(priority: Priority = Priority.ROUTINE) -> Change:
    return make_offer(referral(needs=needs(priority=priority)), "p", "c", 12.5, NOW, decision=SOMEBODY)


def answered(command: Command, before: Change | None = None, **more: Any) -> Change:
    made = before or offered()
    assert made.offer
    later = NOW + timedelta(hours=1)
    return act(made.referral, [made.offer], Act(command, later, "center:c", CENTER, **more))


@pytest.mark.parametrize(("priority", "hours"), [(Priority.ROUTINE, 72), (Priority.HIGH, 72), (Priority.URGENT, 24)])
def test_an_offer_is_to_be_answered_in_time(priority: Priority, hours: int) -> None:
    made = offered(priority)
    assert made.offer
    assert made.offer.answer_by == made.referral.deadline_at == made.event.deadline_at == NOW + timedelta(hours=hours)


def test_an_offer_says_where_and_why() -> None:
    made = offered()
    assert (made.expected, made.referral.version, made.referral.state) == (0, 1, ReferralState.OFFERED)
    assert (made.event.center_id, made.event.programme_id, made.event.attempt, made.event.version) == ("c", "p", 1, 1)
    assert made.offer
    assert (made.offer.state, made.offer.kilometers, made.decision) == (OfferState.MADE, 12.5, SOMEBODY)
    assert (made.entry.actor, made.entry.from_state) == ("router", ReferralState.SUBMITTED)


def test_waiting_names_no_center_and_ends_on_a_worklist_after_thirty_days() -> None:
    waiting = start_waiting(referral(), NOW, SOMEBODY, ("p",))
    assert (waiting.referral.center_id, waiting.referral.programme_id, waiting.offer) == (None, None, None)
    assert waiting.queues == ("p",)
    assert waiting.referral.deadline_at == waiting.referral.due_at == MIDNIGHT + timedelta(days=30)


def test_a_handed_over_place_is_offered_under_the_same_attempt() -> None:
    waiting = start_waiting(referral(), NOW, SOMEBODY, ("p",)).referral
    made = make_offer(waiting, "p", "c", 12.5, NOW, command=Command.HAND_OVER)
    assert (made.expected, made.referral.version, made.referral.attempt) == (1, 2, 1)
    assert made.referral.rank == waiting.rank


def test_an_unplaceable_child_is_on_the_operators_worklist_at_once() -> None:
    aside = set_aside(referral(), NOW, NOBODY)
    assert (aside.referral.state, aside.referral.deadline_at) == (ReferralState.UNPLACEABLE, MIDNIGHT + SEVEN)
    assert (aside.referral.escalated_at, aside.referral.escalation) == (NOW, Escalation.UNPLACEABLE)
    assert aside.event.escalation == "unplaceable"


@pytest.mark.parametrize(
    ("excluded", "why"),
    [
        ({}, "no_programme"),
        ({Exclusion.AGE: ("a",)}, "no_programme"),
        ({Exclusion.AGE: ("a",), Exclusion.DISTANCE: ("b",)}, "too_far"),
        ({Exclusion.DISTANCE: ("b",), Exclusion.DECLINED: ("c",)}, "all_declined"),
    ],
)
def test_the_reason_names_why_a_child_is_unplaceable(excluded: dict[Exclusion, tuple[str, ...]], why: str) -> None:
    aside = set_aside(referral(), NOW, Decision((), excluded))
    assert aside.entry.reason == aside.event.reason == why


def test_seen_leaves_the_offer_open() -> None:
    seen = answered(Command.SEEN)
    assert seen.offer
    assert (seen.offer.state, seen.offer.seen_at, seen.offer.answered_at) == (
        OfferState.SEEN, NOW + timedelta(hours=1), None,
    )  # fmt: skip
    assert (seen.referral.state, seen.referral.deadline_at) == (ReferralState.OFFERED, NOW + timedelta(hours=72))
    assert answered(Command.ACCEPT, seen).referral.state is ReferralState.ACCEPTED


def test_accepted_for_an_agreed_day_is_to_be_admitted_seven_days_after_it_at_the_latest() -> None:
    accepted = answered(Command.ACCEPT, admit_on=date(2026, 3, 20))
    assert accepted.referral.admit_on == accepted.event.admit_on == date(2026, 3, 20)
    assert accepted.referral.deadline_at == accepted.referral.due_at == MIDNIGHT + timedelta(days=18) + SEVEN


def test_accepted_without_a_day_is_for_a_week_later() -> None:
    accepted = answered(Command.ACCEPT, note_id=NOTE)
    assert accepted.offer
    assert (accepted.offer.state, accepted.referral.center_id) == (OfferState.ACCEPTED, "c")
    assert accepted.referral.admit_on == date(2026, 3, 9)
    assert accepted.referral.deadline_at == MIDNIGHT + SEVEN + SEVEN
    assert (accepted.entry.actor, accepted.entry.note_id) == ("center:c", NOTE)


def test_declined_goes_back_to_the_router_and_the_event_says_who_declined() -> None:
    declined = answered(Command.DECLINE, reason="no_capacity")
    assert (declined.referral.state, declined.referral.center_id) == (ReferralState.SUBMITTED, None)
    assert (declined.event.center_id, declined.event.reason, declined.event.state) == (
        "c", "no_capacity", ReferralState.SUBMITTED,
    )  # fmt: skip
    assert declined.offer
    assert (declined.offer.state, declined.offer.reason) == (OfferState.DECLINED, "no_capacity")
    assert declined.referral.deadline_at is not None


def test_a_note_never_leaves_the_record() -> None:
    assert str(NOTE) not in answered(Command.ACCEPT, note_id=NOTE).event.model_dump_json()


def test_an_answer_out_of_turn_changes_nothing() -> None:
    accepted = answered(Command.ACCEPT)
    with pytest.raises(IllegalTransition) as refused:
        answered(Command.ACCEPT, accepted)
    assert refused.value.state is ReferralState.ACCEPTED
    with pytest.raises(IllegalTransition):
        answered(Command.SEEN, replace(accepted, referral=replace(accepted.referral, state=ReferralState.WAITING)))


def test_another_role_is_refused() -> None:
    made = offered()
    assert made.offer
    with pytest.raises(IllegalTransition):
        act(made.referral, [made.offer], Act(Command.ACCEPT, NOW, "polyclinic:p1", "polyclinic"))
