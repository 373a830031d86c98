"""The calendar day in Kazakhstan, whatever time zones the machine knows."""

from datetime import UTC, date, datetime

from services.contracts.days import day_of


def test_the_day_begins_at_19_hours_utc() -> None:
    assert day_of(datetime(2026, 11, 20, 18, 59, 59, tzinfo=UTC)) == date(2026, 11, 20)
    assert day_of(datetime(2026, 11, 20, 19, 0, tzinfo=UTC)) == date(2026, 11, 21)
