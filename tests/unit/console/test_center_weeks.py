"""A center's calendar and inbox: what stands in which week, and in what order."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.console.pages.center_inbox import in_order
from services.console.pages.center_weeks import AHEAD, by_week, course_ends, weeks_ahead
from services.console.upstream.client import Page

SUNDAY = date(2026, 11, 29)
NEXT_MONDAY = SUNDAY + timedelta(days=1)


def rows(*days: date) -> list[dict[str, Any]]:
    return [{"day": day} for day in days]


def test_a_week_goes_from_monday_to_sunday() -> None:
    weeks = by_week(SUNDAY, rows(SUNDAY, NEXT_MONDAY), rows(NEXT_MONDAY))
    assert [(one.monday, len(one.come), len(one.leave)) for one in weeks] == [
        (date(2026, 11, 23), 1, 0),
        (NEXT_MONDAY, 1, 1),
    ]


def test_what_is_overdue_is_in_no_week() -> None:
    assert by_week(SUNDAY, rows(SUNDAY - timedelta(days=1)), []) == []


def test_the_table_has_empty_weeks_too() -> None:
    ahead = weeks_ahead(SUNDAY, by_week(SUNDAY, rows(NEXT_MONDAY), []))
    assert [len(one.come) for one in ahead] == [0, 1] + [0] * (AHEAD - 2)


@pytest.mark.parametrize(
    ("deadline", "day"), [("2026-12-19T19:00:00Z", date(2026, 12, 19)), ("2026-12-19T18:59:59Z", date(2026, 12, 19))]
)
def test_a_course_ends_with_the_day_whose_end_is_its_deadline(deadline: str, day: date) -> None:
    assert course_ends({"deadline_at": deadline}) == day, "the day in Kazakhstan that ends at 19:00 UTC"


def test_urgent_offers_come_first_then_those_whose_time_runs_out() -> None:
    offers = [
        {"id": "late", "priority": "routine", "deadline_at": "2026-12-01"},
        {"id": "high", "priority": "high", "deadline_at": "2026-12-03"},
        {"id": "soon", "priority": "routine", "deadline_at": "2026-11-30"},
        {"id": "urgent", "priority": "urgent", "deadline_at": "2026-12-04"},
    ]
    assert [one["id"] for one in in_order(Page(offers, None, None))] == ["urgent", "high", "soon", "late"]
