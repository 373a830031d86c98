"""Working time in Kazakhstan: 24 hours of each day that is worked, none of a day off."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.days import ALMATY, day_of
from services.contracts.reference import read_days_off
from services.contracts.vocabulary import Priority
from services.contracts.working_days import KAZAKHSTAN, WorkingDays
from services.referral.domain.deadlines import to_answer

DATA = Path(__file__).parents[3] / "data"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def almaty(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ALMATY)


@pytest.mark.parametrize(
    ("at", "one", "three"),
    [
        ("2026-11-17T10:00", "2026-11-18T10:00", "2026-11-20T10:00"),  # a Tuesday
        ("2026-11-20T18:00", "2026-11-23T18:00", "2026-11-25T18:00"),  # a Friday
        ("2026-11-21T11:30", "2026-11-24T00:00", "2026-11-26T00:00"),  # a Saturday: from the beginning of Monday
        ("2026-11-22T23:59", "2026-11-24T00:00", "2026-11-26T00:00"),
        ("2026-11-23T00:00", "2026-11-24T00:00", "2026-11-26T00:00"),
        ("2026-11-20T00:00", "2026-11-21T00:00", "2026-11-25T00:00"),  # all of Friday, and no moment of Saturday
        ("2026-03-20T18:00", "2026-03-26T18:00", "2026-03-30T18:00"),  # Nauryz, with two days moved from the weekend
        ("2026-05-06T09:00", "2026-05-08T09:00", "2026-05-13T09:00"),  # 7 May, and 9 May moved to Monday
        ("2026-12-31T15:00", "2027-01-05T15:00", "2027-01-08T15:00"),  # New Year, 2 January moved, Christmas
        ("2025-01-03T12:00", "2025-01-06T00:00", "2025-01-09T00:00"),  # off, in place of Sunday the 5th, worked
        ("2024-05-03T18:00", "2024-05-04T18:00", "2024-05-10T18:00"),  # Saturday was worked, 7 to 9 May were off
    ],
)
def test_an_offer_is_due_so_many_working_days_later(at: str, one: str, three: str) -> None:
    made = almaty(at).astimezone(UTC)
    assert to_answer(made, Priority.URGENT, KAZAKHSTAN).at == almaty(one)
    for priority in (Priority.HIGH, Priority.ROUTINE):
        assert to_answer(made, priority, KAZAKHSTAN).at == almaty(three)


@pytest.mark.parametrize(
    ("at", "half_of_one", "half_of_three"),
    [
        ("2026-11-17T10:00", "2026-11-17T22:00", "2026-11-18T22:00"),
        ("2026-11-20T18:00", "2026-11-23T06:00", "2026-11-24T06:00"),
        ("2026-11-21T11:30", "2026-11-23T12:00", "2026-11-24T12:00"),
    ],
)
def test_the_reminder_is_at_half_of_the_working_time(at: str, half_of_one: str, half_of_three: str) -> None:
    assert to_answer(almaty(at), Priority.URGENT, KAZAKHSTAN).due == almaty(half_of_one)
    assert to_answer(almaty(at), Priority.ROUTINE, KAZAKHSTAN).due == almaty(half_of_three)


def test_the_table_of_exceptions_has_the_last_word() -> None:
    moved = WorkingDays({date(2026, 11, 20): False, date(2026, 11, 22): True})
    assert moved.after(almaty("2026-11-19T18:00"), DAY) == almaty("2026-11-22T18:00")
    assert moved.after(almaty("2026-11-20T18:00"), DAY) == almaty("2026-11-23T00:00")
    assert not WorkingDays(read_days_off(DATA)).is_working(date(2026, 5, 27))


@given(
    at=st.datetimes(datetime(2024, 1, 1), datetime(2035, 1, 1)).map(lambda one: one.replace(tzinfo=UTC)),
    hours=st.integers(1, 24 * 10),
)
def test_exactly_so_much_working_time_passes(at: datetime, hours: int) -> None:
    """Counted hour by hour, on full hours."""
    at = at.replace(minute=0, second=0, microsecond=0)
    until = KAZAKHSTAN.after(at, hours * HOUR)
    passed = [at + n * HOUR for n in range((until - at) // HOUR)]
    assert sum(KAZAKHSTAN.is_working(day_of(one)) for one in passed) == hours
    assert KAZAKHSTAN.is_working(day_of(until - HOUR)), "it ends in working time"
