"""Deadlines, and when their next step is due. Offers are answered in working days; others end with a calendar day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.contracts.days import day_of, end_of
from services.contracts.vocabulary import Priority
from services.contracts.working_days import DAY, WorkingDays

ANSWER_DAYS, ANSWER_DAYS_URGENT = 3, 1
"""Working days in which a center answers an offer."""
PASS_OVER = timedelta(days=14)
"""How long an expiry passes its center over, unless the center answers anything again before."""
ROUTE_WITHIN = timedelta(minutes=15)
ROUTE_AGAIN_WITHIN = timedelta(days=1)
WAIT_DAYS = 30
ADMIT_DAYS = 7
"""From the agreed day of admission; and to that day from the answer's, when none was agreed."""
REVIEW_DAYS = 7
"""For a polyclinic after a no-show, for an operator with a worklist entry, for a center to discharge."""


@dataclass(frozen=True, slots=True)
class Until:
    """`at` is the deadline that is shown, `due` the moment at which the sweep acts next.

    `due` is `at`, or a reminder before it; only a course's end is acted on some days after it.
    """

    at: datetime
    due: datetime

    @classmethod
    def moment(cls, at: datetime) -> "Until":
        return cls(at, at)

    def or_sooner(self, due: datetime) -> "Until":
        """The same deadline, but due already at `due`."""
        return Until(self.at, min(self.due, due))

    @classmethod
    def days(cls, day: date, days: int) -> "Until":
        """Until the end of the day that is `days` after `day`."""
        return cls.moment(end_of(day + timedelta(days=days)))


def to_answer(at: datetime, priority: Priority, working_days: WorkingDays) -> Until:
    """An offer is answered in three working days, one when urgent; at half of them the center is reminded."""
    within = (ANSWER_DAYS_URGENT if priority is Priority.URGENT else ANSWER_DAYS) * DAY
    return Until(working_days.after(at, within), working_days.after(at, within / 2))


def to_route(at: datetime) -> Until:
    return Until.moment(at + ROUTE_WITHIN)


def to_wait(at: datetime, review_at: datetime) -> Until:
    """`review_at`: other programmes may accept the child then."""
    return Until.days(day_of(at), WAIT_DAYS).or_sooner(review_at)


def to_review(at: datetime) -> Until:
    return Until.days(day_of(at), REVIEW_DAYS)


def agreed_day(at: datetime) -> date:
    """The day of admission when an answer at `at` names none."""
    return day_of(at) + timedelta(days=ADMIT_DAYS)


def to_admit(admit_on: date) -> Until:
    return Until.days(admit_on, ADMIT_DAYS)


def to_discharge(at: datetime, course_days: int) -> Until:
    """The end of the course's last day; a child who is not discharged some days later is escalated."""
    last = day_of(at) + timedelta(days=course_days - 1)
    return Until(end_of(last), end_of(last + timedelta(days=REVIEW_DAYS)))
