"""When a programme's places come free, and when the turn of a child in its queue comes. Days are Kazakhstan's.

What is known is each place in use and how long a course takes; what is assumed is that every offer is taken on its last
day, that a child comes a week after that, that a course ends on its day, and that nobody joins or leaves the queue.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from services.contracts.vocabulary import ReferralState
from services.referral.domain.days import day_of
from services.referral.domain.deadlines import ADMIT_DAYS, ANSWER_WITHIN

AHEAD_DAYS = 60
"""How far next free dates are told."""
ANSWER_DAYS = ANSWER_WITHIN.days
NAMED = 3
"""How many of the next dates a sentence names."""


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
        """The day on which its place is free again; who is past it leaves tomorrow, who is late comes today."""
        if self.state is ReferralState.ADMITTED and self.admitted_at:
            return max(day_of(self.admitted_at) + timedelta(course_days), today + timedelta(1))
        if self.state is ReferralState.ACCEPTED and self.admit_on:
            return max(self.admit_on, today) + timedelta(course_days)
        answered = max(day_of(self.answer_by), today) if self.answer_by else today
        return answered + timedelta(ADMIT_DAYS + course_days)


def stay(course_days: int) -> int:
    """Days from the offer of a place until it is free again: to answer, to come, and the course."""
    return ANSWER_DAYS + ADMIT_DAYS + course_days


@dataclass(frozen=True, slots=True)
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

    def next_free(self) -> list[tuple[date, int]]:
        """Days of the next 60 and how many places come free on each, today's those that are; nobody waiting counted."""
        last = self.today + timedelta(AHEAD_DAYS)
        return [] if self.suspended else sorted(Counter(day for day in self.opens if day <= last).items())

    def turn_on(self, position: int) -> date | None:
        """When the child at `position` (1 is next) is offered a place; None when no place opens at all.

        A place that opens on day d serves the next in the queue on d, d + stay, d + 2 stay and so on, so the date is
        the `position`-th smallest of all places' days together.
        """
        if self.no_date:
            return None
        days, again = [(day - self.today).days for day in self.opens], stay(self.course_days)

        def served(until: int) -> int:
            return sum((until - day) // again + 1 for day in days if day <= until)

        return self.today + timedelta(bisect_left(range(days[0] + position * again), position, key=served))


def outlook(places: int, course_days: int, suspended: bool, uses: Iterable[Use], today: date) -> Outlook:
    """What is known today. Where more are in use than there are places, so many releases open none."""
    ends = sorted(one.free_on(course_days, today) for one in uses)
    free, over = max(0, places - len(ends)), max(0, len(ends) - places)
    return Outlook(today, places, len(ends), course_days, suspended, (today,) * free + tuple(ends[over:]))


def how(found: Outlook, position: int, length: int) -> str:
    """How the date at `position` came about, in words."""
    parts = f"{ANSWER_DAYS} to answer, {ADMIT_DAYS} to come, {found.course_days} of course"
    stays = f"{stay(found.course_days)} days ({parts})"
    first = "" if position == 1 else f", and each child in front keeps one for {stays}"
    return (
        f"Number {position} of {length} in the queue; {found.in_use} of {found.places} places are in use; "
        f"{_opening(found)}{first}. "
        "Sooner when those in front leave, later when more urgent children come or courses last longer."
    )


def _opening(found: Outlook) -> str:
    """The next days on which places come free."""
    if found.free:
        return f"{found.free} {'is' if found.free == 1 else 'are'} free now"
    opening = sorted(Counter(found.opens).items())
    days = [f"{day} ({count})" if count > 1 else str(day) for day, count in opening[:NAMED]]
    more = " …" if len(opening) > NAMED else ""
    return f"the next {'comes' if len(found.opens) == 1 else 'come'} free on {', '.join(days)}{more}"
