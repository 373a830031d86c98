"""Working days in Kazakhstan: deadlines of people count them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any

from services.contracts.days import ALMATY

DAY = timedelta(days=1)
"""A working day is worked for 24 hours: at what hours each center works is not known."""


class WorkingDays:
    """Monday to Friday but for the public holidays of the `holidays` library, with the days that it knows as moved.

    `exceptions` says of a day whether it is worked, whatever the library says. Each day is looked up once.
    """

    def __init__(self, exceptions: Mapping[date, bool] = MappingProxyType({})) -> None:
        self._worked = dict(exceptions)

    @cached_property
    def _holidays(self) -> Any:
        import holidays  # a tenth of a second, which every process would pay at its start

        return holidays.country_holidays("KZ")

    def is_working(self, day: date) -> bool:
        worked = self._worked.get(day)
        if worked is None:
            worked = self._worked[day] = bool(self._holidays.is_working_day(day))
        return worked

    def after(self, at: datetime, working: timedelta) -> datetime:
        """The moment, in UTC, when so much working time has passed since `at`; a day off has none.

        One working day from Friday 18:00 is Monday 18:00; from any hour of Saturday it is the end of Monday.
        """
        local = at.astimezone(ALMATY)
        day, passed = local.date(), local - datetime.combine(local.date(), time(), ALMATY)
        left = working
        if not self.is_working(day):
            day, passed = self._next(day), timedelta(0)
        while passed + left > DAY:
            left -= DAY - passed
            day, passed = self._next(day), timedelta(0)
        return (datetime.combine(day, time(), ALMATY) + passed + left).astimezone(UTC)

    def _next(self, day: date) -> date:
        """The first working day behind `day`."""
        day += DAY
        while not self.is_working(day):
            day += DAY
        return day


KAZAKHSTAN = WorkingDays()
"""By the library alone."""
