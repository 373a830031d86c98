"""Calendar days in Kazakhstan: deadlines, ages and forecasts count in them."""

from datetime import UTC, date, datetime, time, timedelta, timezone

ALMATY = timezone(timedelta(hours=5), "Asia/Almaty")
"""UTC+5 all over Kazakhstan since 2024-03-01; fixed here, because a machine's older tzdata still says +6."""


def day_of(moment: datetime) -> date:
    """The day in Kazakhstan at an aware `moment`."""
    return moment.astimezone(ALMATY).date()


def end_of(day: date) -> datetime:
    """The moment, in UTC, when `day` is over in Kazakhstan."""
    return datetime.combine(day + timedelta(days=1), time(), ALMATY).astimezone(UTC)


def last_day(end: datetime) -> date:
    """The last day in Kazakhstan that has begun before an aware `end`: at midnight the day that is over then."""
    return day_of(end - timedelta.resolution)
