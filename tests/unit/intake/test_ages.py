"""The day in Almaty, whatever tzdata the machine has."""

from datetime import UTC, date, datetime

from services.intake.domain.ages import almaty_day


def test_the_day_begins_at_19_hours_utc() -> None:
    assert almaty_day(datetime(2026, 11, 20, 18, 59, 59, tzinfo=UTC)) == date(2026, 11, 20)
    assert almaty_day(datetime(2026, 11, 20, 19, 0, tzinfo=UTC)) == date(2026, 11, 21)
