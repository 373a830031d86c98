"""Each step of a referral: what it changes, what it tells, and by when somebody must act."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.contracts.vocabulary import OfferState, Priority, ReferralState
from services.referral.domain.life import Command, IllegalTransition
from services.referral.domain.referral import Change, answer, make_offer, set_aside, start_waiting
from services.referral.domain.routing import Candidate, Decision
from tests.unit.referral.samples import NOW, needs, referral

NOBODY = Decision((), {})
SOMEBODY = Decision((Candidate("p", 12.5, 0),), {})
CENTER = frozenset({"center"})


def offered(priority: Priority = Priority.ROUTINE) -> Change:
    return make_offer(referral(needs=needs(priority=priority)), "p", "c", 12.5, NOW, decision=SOMEBODY)


def answered(command: Command, before: Change | None = None, **more: str) -> Change:
    made = before or offered()
    assert made.offer
    later = NOW + timedelta(hours=1)
    return answer(made.referral, made.offer, command, later, actor="center:c", roles=CENTER, **more)


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
    assert (made.step.actor, made.step.from_state) == ("router", ReferralState.SUBMITTED)


def test_waiting_names_no_center_and_ends_on_a_worklist_after_thirty_days() -> None:
    waiting = start_waiting(referral(), NOW, SOMEBODY)
    assert (waiting.referral.center_id, waiting.referral.programme_id, waiting.offer) == (None, None, None)
    assert waiting.referral.deadline_at == NOW + timedelta(days=30)


def test_who_waited_is_offered_under_the_same_attempt() -> None:
    waiting = start_waiting(referral(), NOW, SOMEBODY).referral
    made = make_offer(waiting, "p", "c", 12.5, NOW, command=Command.HAND_OVER)
    assert (made.expected, made.referral.version, made.referral.attempt) == (1, 2, 1)
    assert made.referral.rank == waiting.rank


def test_an_unplaceable_child_needs_a_person_now() -> None:
    aside = set_aside(referral(), NOW, NOBODY)
    assert (aside.referral.state, aside.referral.deadline_at) == (ReferralState.UNPLACEABLE, NOW)


def test_seen_leaves_the_offer_open() -> None:
    seen = answered(Command.SEEN)
    assert seen.offer
    assert (seen.offer.state, seen.offer.seen_at, seen.offer.answered_at) == (
        OfferState.SEEN, NOW + timedelta(hours=1), None,
    )  # fmt: skip
    assert (seen.referral.state, seen.referral.deadline_at) == (ReferralState.OFFERED, NOW + timedelta(hours=72))
    assert answered(Command.ACCEPT, seen).referral.state is ReferralState.ACCEPTED


def test_accepted_is_to_be_admitted_in_seven_days() -> None:
    accepted = answered(Command.ACCEPT, note="bed 4")
    assert accepted.offer
    assert (accepted.offer.state, accepted.referral.center_id) == (OfferState.ACCEPTED, "c")
    assert accepted.referral.deadline_at == NOW + timedelta(hours=1, days=7)
    assert (accepted.step.actor, accepted.step.note) == ("center:c", "bed 4")


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
    assert "bed 4" not in answered(Command.ACCEPT, note="bed 4").event.model_dump_json()


def test_an_answer_out_of_turn_changes_nothing() -> None:
    accepted = answered(Command.ACCEPT)
    with pytest.raises(IllegalTransition) as refused:
        answered(Command.DECLINE, accepted)
    assert refused.value.state is ReferralState.ACCEPTED
    with pytest.raises(IllegalTransition):
        answered(Command.SEEN, replace(accepted, referral=replace(accepted.referral, state=ReferralState.WAITING)))


def test_a_stranger_is_refused_without_a_hint() -> None:
    made = offered()
    assert made.offer
    with pytest.raises(IllegalTransition) as refused:
        answer(made.referral, made.offer, Command.ACCEPT, NOW, actor="x", roles=frozenset())
    assert refused.value.allowed == ()
