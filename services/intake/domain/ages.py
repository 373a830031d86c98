"""Ages in the days of Kazakhstan."""

from datetime import date, datetime, timedelta, timezone

ALMATY = timezone(timedelta(hours=5), "Asia/Almaty")
"""UTC+5 all over Kazakhstan since 2024-03-01; fixed here, because a machine's older tzdata still says +6."""

ADULT_MONTHS = 18 * 12
EARLY_MONTHS = 36
"""The early-intervention window: every child under this age is urgent."""
NEWBORN_DAYS = 60
"""Up to this age a child may be submitted without an IIN: our decision, two months to register the birth."""


def almaty_day(moment: datetime) -> date:
    """The calendar day in Almaty at `moment` (aware)."""
    return moment.astimezone(ALMATY).date()


def age_in_months(born: date, today: date) -> int:
    """Completed months; who was born on the 31st completes a short month on the day after its last."""
    return (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)


def is_newborn(born: date, today: date) -> bool:
    return (today - born).days <= NEWBORN_DAYS
