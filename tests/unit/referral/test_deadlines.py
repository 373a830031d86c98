"""Deadlines: offers have working days, other days end at midnight, and a referral that is due takes its step."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.days import day_of, end_of
from services.contracts.vocabulary import CLOSED, OfferState, Priority, ReferralState
from services.referral.domain import deadlines
from services.referral.domain.deadline_steps import deadline_step
from services.referral.domain.life import STEWARD, Command
from services.referral.domain.referral import HELP_AFTER, Change, Escalation, Referral, make_offer
from tests.unit.referral.samples import NOW, needs, referral

S = ReferralState
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 2, 19, 0, tzinfo=UTC)
"""When NOW's day ends in Kazakhstan."""


def offered(priority: Priority = Priority.ROUTINE, **more: Any) -> Change:
    return make_offer(referral(needs=needs(priority=priority), **more), "p", "c", 1.0, NOW)


def step_at(made: Change, now: datetime) -> Change | None:
    assert made.offer
    return deadline_step(made.referral, [made.offer], now)


def in_state(state: ReferralState, **more: object) -> Referral:
    return replace(referral(), state=state, version=4, deadline_at=NOW, due_at=NOW, **more)  # type: ignore[arg-type]


def test_a_day_ends_at_midnight_in_kazakhstan() -> None:
    assert end_of(date(2026, 3, 2)) == MIDNIGHT
    assert day_of(MIDNIGHT - timedelta(milliseconds=1)) == date(2026, 3, 2)
    assert day_of(MIDNIGHT) == date(2026, 3, 3)


@pytest.mark.parametrize(("before_midnight", "day"), [(timedelta(minutes=1), 2), (timedelta(0), 3)])
def test_who_accepts_before_midnight_has_the_day_before(before_midnight: timedelta, day: int) -> None:
    assert deadlines.agreed_day(MIDNIGHT - before_midnight) == date(2026, 3, day + 7)


def test_a_course_has_its_days_and_its_step_is_due_a_week_later() -> None:
    limit = deadlines.to_discharge(NOW, 21)
    assert limit.at == MIDNIGHT + 20 * DAY
    assert limit.due == limit.at + 7 * DAY


@pytest.mark.parametrize(("priority", "hours"), [(Priority.ROUTINE, 72), (Priority.URGENT, 24)])  # NOW is a Monday
def test_a_center_is_reminded_at_half_time_and_the_offer_expires_at_the_end(priority: Priority, hours: int) -> None:
    made = offered(priority)
    half, end = NOW + hours / 2 * HOUR, NOW + hours * HOUR
    assert step_at(made, half - timedelta(milliseconds=1)) is None
    reminded = step_at(made, half)
    assert reminded
    assert (reminded.entry.command, reminded.referral.state, reminded.offer) == (Command.REMIND, S.OFFERED, None)
    assert (reminded.referral.deadline_at, reminded.referral.due_at) == (end, end)
    after = replace(made, referral=reminded.referral)
    assert step_at(after, end - timedelta(milliseconds=1)) is None
    expired = step_at(after, end)
    assert expired
    assert (expired.entry.command, expired.entry.actor, expired.referral.state) == (
        Command.EXPIRE,
        STEWARD,
        S.SUBMITTED,
    )
    assert expired.offer
    assert (expired.offer.state, expired.offer.answered_at) == (OfferState.EXPIRED, end)
    assert expired.offer.passed_over_until == end + 14 * DAY
    assert (expired.event.center_id, expired.referral.center_id) == ("c", None)
    assert expired.referral.due_at == expired.referral.deadline_at == end + timedelta(minutes=15)


def test_a_clock_that_jumps_past_the_end_expires_at_once_and_one_that_jumps_back_does_nothing() -> None:
    jumped = step_at(offered(), NOW + 365 * DAY)
    assert jumped
    assert jumped.entry.command is Command.EXPIRE
    assert step_at(offered(), NOW - 365 * DAY) is None


WHY = {
    S.SUBMITTED: (Escalation.NOT_ROUTED, NOW + DAY),
    S.WAITING: (Escalation.WAITING_LONG, MIDNIGHT + 30 * DAY),
    S.UNPLACEABLE: (Escalation.UNPLACEABLE, MIDNIGHT + 7 * DAY),
    S.ACCEPTED: (Escalation.NOT_ADMITTED, MIDNIGHT + 7 * DAY),
    S.ADMITTED: (Escalation.NOT_DISCHARGED, MIDNIGHT + 7 * DAY),
    S.NO_SHOW: (Escalation.NOT_OFFERED_AGAIN, MIDNIGHT + 7 * DAY),
}


@pytest.mark.parametrize("state", WHY)
def test_every_other_state_is_escalated_and_due_again(state: ReferralState) -> None:
    change = deadline_step(in_state(state), (), NOW)
    assert change
    why, again = WHY[state]
    assert (change.referral.state, change.referral.version, change.entry.command) == (state, 5, Command.ESCALATE)
    assert (change.referral.escalation, change.referral.escalated_at) == (why, NOW)
    assert change.referral.deadline_at == change.referral.due_at == again
    assert change.event.escalation == change.event.reason == why.value


def test_every_open_state_has_a_step_when_it_is_due() -> None:
    assert {*WHY, S.OFFERED} == set(ReferralState) - CLOSED


def test_whatever_is_due_is_due_later_after_its_step() -> None:
    for state in WHY:
        change = deadline_step(in_state(state), (), NOW + 400 * DAY)
        assert change
        assert change.referral.due_at
        assert change.referral.due_at > NOW + 400 * DAY


def test_the_last_of_too_many_failed_offers_expires_and_is_escalated() -> None:
    made = offered(attempt=HELP_AFTER)
    assert made.offer
    failed = [replace(made.offer, attempt=n, state=OfferState.DECLINED) for n in range(1, HELP_AFTER)]
    expired = deadline_step(made.referral, [*failed, made.offer], NOW + 72 * HOUR)
    assert expired
    assert (expired.referral.state, expired.referral.escalation) == (S.SUBMITTED, Escalation.FAILED_OFFERS)
    fewer = deadline_step(made.referral, [*failed[1:], made.offer], NOW + 72 * HOUR)
    assert fewer
    assert fewer.referral.escalation is None


@given(
    submitted=st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)).map(lambda one: one.replace(tzinfo=UTC)),
    hours=st.integers(0, 24 * 400),
    birth_day=st.none() | st.integers(1, 31),
)
def test_a_child_is_a_month_older_at_older_at_and_not_before(
    submitted: datetime, hours: int, birth_day: int | None
) -> None:
    child, now = needs(submitted_at=submitted, birth_day=birth_day), submitted + timedelta(hours=hours)
    moment = child.older_at(now)
    assert now < moment <= now + 32 * DAY
    assert child.age_at(moment) == child.age_at(now) + 1
    assert child.age_at(moment - timedelta(milliseconds=1)) == child.age_at(now)


@pytest.mark.parametrize("state", [S.WAITING, S.UNPLACEABLE])
def test_an_unplaced_child_is_not_escalated_before_the_deadline(state: ReferralState) -> None:
    assert deadline_step(in_state(state, needs=needs()), (), NOW - DAY) is None
    early = replace(in_state(state), deadline_at=NOW + DAY)
    assert deadline_step(early, (), NOW) is None
