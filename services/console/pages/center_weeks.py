"""A center's calendar: who is to come and whose course ends, by weeks; what is overdue first."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.addresses import flag, with_query
from services.console.pages.center_inbox import modalities
from services.console.rendering import render, renderer_of, words_of
from services.console.rows import child_row
from services.console.sign_in.user import Center
from services.console.upstream import referral
from services.console.upstream.client import Json
from services.contracts.days import day_of, last_day

router = APIRouter()
AHEAD = 8
"""Weeks in the table at the top."""
SOON = 2
"""Weeks in the list below, unless the reader chooses."""
ALL = "all"
Names = Mapping[str, str]
"""The modality of each programme."""
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


@dataclass(slots=True)
class Week:
    """From a Monday: children who come and who leave, with their `day`."""

    monday: date
    come: list[Json] = field(default_factory=list)
    leave: list[Json] = field(default_factory=list)

    @property
    def sunday(self) -> date:
        return self.monday + WEEK - DAY


@router.get("/weeks")
async def show_weeks(
    request: Request,
    user: Center,
    programme: str = "",
    week: str = "",
    mine: str = "",
    done: str = "",
    last: UUID | None = None,
) -> Response:
    """This week and the next, or the `week` of that Monday, or `all`; what is overdue in any case.

    `done` and `last` say what the reader did before, and with which referral.
    """
    coming, staying, care = await asyncio.gather(
        referral.whole_worklist(user.services, "to-admit", mine=flag(mine)),
        referral.whole_worklist(user.services, "in-care", mine=flag(mine)),
        modalities(user),
    )
    programme = programme if programme in care else ""
    come = _rows(request, _of(coming, programme), agreed_day, care)
    leave = _rows(request, _of(staying, programme), course_ends, care)
    today = day_of(datetime.now(UTC))
    weeks = by_week(today, come, leave)
    table = weeks_ahead(today, weeks)
    shown = weeks if week == ALL else [one for one in weeks if week == str(one.monday)] if week else table[:SOON]
    return render(
        request, "center/weeks.html", today=today, late_come=_before(today, come), late_leave=_before(today, leave),
        weeks=[one for one in shown if one.come or one.leave], table=table, come=come, leave=leave,
        modalities=care, programme=programme, week=week, done=done, last=last, mine=mine,
        whose={one: with_query("/weeks", week=week, programme=programme, mine=one) for one in ("", "1")},
    )  # fmt: skip


def agreed_day(one: Json) -> date:
    return date.fromisoformat(one["admit_on"])


def course_ends(one: Json) -> date:
    """The last day of a course, whose deadline is the end of it."""
    return last_day(datetime.fromisoformat(one["deadline_at"]))


def by_week(today: date, come: Iterable[Json], leave: Iterable[Json]) -> list[Week]:
    """The weeks that have somebody from today on, in order."""
    found: dict[date, Week] = {}
    for kind, rows in (("come", come), ("leave", leave)):
        for row in rows:
            if row["day"] >= today:
                monday = _monday(row["day"])
                getattr(found.setdefault(monday, Week(monday)), kind).append(row)
    return [found[monday] for monday in sorted(found)]


def weeks_ahead(today: date, weeks: Iterable[Week]) -> list[Week]:
    """This week and the next ones, empty ones too."""
    known = {one.monday: one for one in weeks}
    mondays = (_monday(today) + number * WEEK for number in range(AHEAD))
    return [known.get(monday, Week(monday)) for monday in mondays]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _of(referrals: Iterable[Json], programme: str) -> list[Json]:
    return [one for one in referrals if programme in ("", one["programme_id"])]


def _before(today: date, rows: Iterable[Json]) -> list[Json]:
    return [row for row in rows if row["day"] < today]


def _rows(request: Request, found: Iterable[Json], day: Callable[[Json], date], care: Names) -> list[Json]:
    """Rows by day, which is written out beside the kind of care."""
    words, labels = words_of(request), renderer_of(request).labels

    def row(one: Json) -> Json:
        at = day(one)
        kind = labels.label(words, care.get(one["programme_id"]), "modality")
        note = f"{words.day(at, 'EEEE, d MMMM')} · {kind}"
        return child_row(one, f"/weeks/{one['id']}", day=at, due=None, note=note)

    return sorted(map(row, found), key=lambda one: one["day"])
