"""Forecast: when a programme's places come free, and when a child in its queue is next. Days are Kazakhstan's.

Known are the places in use and the length of a course. Assumed: every offer is accepted on its last day (one that
is not made yet: after three days, none of them off), the child comes a week after that, a course ends on its day, and
nobody joins or leaves the queue.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from services.contracts.days import day_of
from services.contracts.vocabulary import ReferralState
from services.referral.domain.deadlines import ADMIT_DAYS, ANSWER_DAYS

AHEAD_DAYS = 60
"""How far ahead next free dates go."""


class NoDate(StrEnum):
    """Why a programme has no date."""

    SUSPENDED = "suspended"
    NO_PLACES = "no_places"


@dataclass(frozen=True, slots=True)
class Use:
    """A referral that has a place: offered (to be answered by), accepted (to be admitted on) or admitted."""

    state: ReferralState
    answer_by: datetime | None = None
    admit_on: date | None = None
    admitted_at: datetime | None = None

    def free_on(self, course_days: int, today: date) -> date:
        """The day on which the place is free again; past that day it is tomorrow, and a late child comes today."""
        if self.state is ReferralState.ADMITTED and self.admitted_at:
            return max(day_of(self.admitted_at) + timedelta(course_days), today + timedelta(1))
        if self.state is ReferralState.ACCEPTED and self.admit_on:
            return max(self.admit_on, today) + timedelta(course_days)
        answered = max(day_of(self.answer_by), today) if self.answer_by else today
        return answered + timedelta(ADMIT_DAYS + course_days)


def stay(course_days: int) -> int:
    """Days from the offer of a place until it is free again: to answer, to come, and the course."""
    return ANSWER_DAYS + ADMIT_DAYS + course_days


@dataclass(frozen=True)
class Outlook:
    """A programme's places from `today` on. `opens` has a day for each place, in order: when it is free first."""

    today: date
    places: int
    in_use: int
    course_days: int
    suspended: bool
    opens: tuple[date, ...]

    @property
    def free(self) -> int:
        return 0 if self.suspended else max(0, self.places - self.in_use)

    @property
    def no_date(self) -> NoDate | None:
        if self.suspended:
            return NoDate.SUSPENDED
        return None if self.opens else NoDate.NO_PLACES

    @cached_property
    def next_free(self) -> list[tuple[date, int]]:
        """Days of the next 60 with the places that come free on each, today's first; the queue is not counted."""
        last = self.today + timedelta(AHEAD_DAYS)
        return [] if self.suspended else sorted(Counter(day for day in self.opens if day <= last).items())

    @cached_property
    def _turns(self) -> list[int]:
        """Days from today on which somebody is offered a place, in order, until each place has been offered once more
        after the day on which the last one is free first: from there on each stay is like the one before.

        A place that opens on day d serves the queue on d, d + stay, d + 2 stay and so on.
        """
        days, again = [(day - self.today).days for day in self.opens], stay(self.course_days)
        return sorted(turn for day in days for turn in range(day, days[-1] + again + 1, again))

    def next_on(self, position: int) -> date | None:
        """The day on which the child at `position` (1 is next) is offered a place; None when no place opens."""
        if self.no_date:
            return None
        stays = max(0, -(-(position - len(self._turns)) // len(self.opens)))
        turn = self._turns[position - 1 - stays * len(self.opens)]
        return self.today + timedelta(turn + stays * stay(self.course_days))


def outlook(places: int, course_days: int, suspended: bool, uses: Iterable[Use], today: date) -> Outlook:
    """The outlook of today. Where more places are in use than there are, so many releases open none."""
    ends = sorted(one.free_on(course_days, today) for one in uses)
    free, over = max(0, places - len(ends)), max(0, len(ends) - places)
    return Outlook(today, places, len(ends), course_days, suspended, (today,) * free + tuple(ends[over:]))
