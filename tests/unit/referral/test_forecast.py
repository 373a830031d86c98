"""The forecast: next free dates, and a date for every position in a queue, against a simulation day by day."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.days import ALMATY
from services.contracts.vocabulary import ReferralState
from services.referral.domain.forecast import AHEAD_DAYS, NoDate, Outlook, Use, outlook

TODAY = date(2026, 3, 2)
OFFERED, ACCEPTED, ADMITTED = ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED


def day(number: int) -> date:
    return TODAY + timedelta(number)


def noon(number: int) -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=ALMATY) + timedelta(number)


def admitted(days_ago: int) -> Use:
    return Use(ADMITTED, admitted_at=noon(-days_ago))


def accepted(comes_in: int) -> Use:
    return Use(ACCEPTED, admit_on=day(comes_in))


def offered(answer_in: int) -> Use:
    return Use(OFFERED, answer_by=noon(answer_in))


def programme_with(*uses: Use, places: int = 1, course_days: int = 21, suspended: bool = False) -> Outlook:
    return outlook(places, course_days, suspended, uses, TODAY)


@pytest.mark.parametrize(
    ("use", "free_in"),
    [
        (admitted(1), 20), (admitted(20), 1), (admitted(21), 1), (admitted(90), 1),
        (accepted(4), 25), (accepted(0), 21), (accepted(-3), 21),
        (offered(3), 31), (offered(0), 28), (offered(-1), 28),
    ],
)  # fmt: skip
def test_a_place_in_use_is_free_again_after_its_course(use: Use, free_in: int) -> None:
    assert programme_with(use).next_on(1) == day(free_in)
    assert programme_with(use).next_free == [(day(free_in), 1)]


def test_an_admission_late_in_the_evening_is_of_kazakhstans_day() -> None:
    late = Use(ADMITTED, admitted_at=datetime(2026, 3, 1, 23, 59, tzinfo=ALMATY))
    early = Use(ADMITTED, admitted_at=datetime(2026, 3, 2, 0, 1, tzinfo=ALMATY))
    assert [programme_with(one).next_on(1) for one in (late, early)] == [day(20), day(21)]


def test_without_a_queue_a_free_place_is_todays() -> None:
    assert programme_with().next_on(1) == TODAY
    assert programme_with(admitted(3), places=3).next_free == [(TODAY, 2), (day(18), 1)]


def test_who_is_second_waits_for_the_first_to_leave_or_for_the_next_place() -> None:
    assert programme_with(places=1).next_on(2) == day(31)
    assert programme_with(admitted(20), admitted(10), places=2).next_on(2) == day(11)
    assert programme_with(admitted(20), admitted(10), places=2).next_on(3) == day(32)


def test_where_more_are_in_care_than_there_are_places_their_leaving_opens_none() -> None:
    over = programme_with(admitted(20), admitted(15), admitted(10), places=1)
    assert (over.in_use, over.free, over.next_on(1)) == (3, 0, day(11))
    assert over.next_free == [(day(11), 1)]


@pytest.mark.parametrize(
    ("found", "why"),
    [(programme_with(suspended=True), NoDate.SUSPENDED), (programme_with(admitted(1), places=0), NoDate.NO_PLACES)],
)
def test_a_programme_that_gives_no_place_has_a_reason_and_no_date(found: Outlook, why: NoDate) -> None:
    assert (found.no_date, found.next_on(1), found.next_free, found.free) == (why, None, [], 0)


def test_next_free_dates_end_after_two_months() -> None:
    found = programme_with(accepted(AHEAD_DAYS - 21), accepted(AHEAD_DAYS - 20), places=2)
    assert found.next_free == [(day(AHEAD_DAYS), 1)]


USES = st.lists(
    st.integers(0, 40).map(admitted) | st.integers(-9, 60).map(accepted) | st.integers(-2, 4).map(offered), max_size=9
)


@given(USES, st.integers(0, 6), st.integers(1, 30), st.integers(1, 40))
def test_each_position_has_the_day_that_a_simulation_says(
    uses: list[Use], places: int, course: int, queue: int
) -> None:
    found = outlook(places, course, False, uses, TODAY)
    assert [found.next_on(position) for position in range(1, queue + 1)] == simulated(uses, places, course, queue)


def simulated(uses: list[Use], places: int, course: int, queue: int) -> list[date | None]:
    """Day by day: who is through leaves, and while there is a bed the next comes in."""
    beds = [_leaves(one, course) for one in uses]
    came: list[date | None] = []
    today = TODAY
    while places and len(came) < queue:
        beds = [leaves for leaves in beds if leaves > today]
        while len(beds) < places and len(came) < queue:
            came.append(today)
            beds.append(today + timedelta(3 + 7 + course))
        today += timedelta(1)
    return came or [None] * queue


def _leaves(one: Use, course: int) -> date:
    if one.admitted_at:
        return max(one.admitted_at.astimezone(ALMATY).date() + timedelta(course), day(1))
    if one.admit_on:
        return max(one.admit_on, TODAY) + timedelta(course)
    assert one.answer_by
    return max(one.answer_by.astimezone(ALMATY).date(), TODAY) + timedelta(7 + course)


@given(USES, st.integers(1, 6), st.integers(1, 30), st.integers(1, 50_000))
def test_nobody_behind_comes_earlier_and_nothing_lies_in_the_past(
    uses: list[Use], places: int, course: int, position: int
) -> None:
    found = outlook(places, course, False, uses, TODAY)
    here, behind = found.next_on(position), found.next_on(position + 1)
    assert here is not None
    assert behind is not None
    assert TODAY <= here <= behind
    assert sum(count for _, count in found.next_free) <= places


@given(USES, st.integers(1, 6), st.integers(1, 30), st.integers(1, 30))
def test_one_more_place_makes_nobody_wait_longer(uses: list[Use], places: int, course: int, position: int) -> None:
    fewer, more = (outlook(count, course, False, uses, TODAY).next_on(position) for count in (places, places + 1))
    assert fewer is not None
    assert more is not None
    assert more <= fewer
