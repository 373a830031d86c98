"""Referrals and placements over the day, the month and the year; each number leads to whom it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.drawing.chart import Chart, bar_chart
from services.console.rendering import render, words_of
from services.console.sign_in.user import Operator
from services.console.upstream import referral
from services.console.upstream.client import Json, Services
from services.console.words.i18n import N_, Words
from services.contracts.days import day_of

router = APIRouter()
SPANS = {"day": N_("Today"), "month": N_("30 days"), "year": N_("12 months")}
SERIES = {"submitted": N_("Referrals"), "admitted": N_("Children who came to a center")}


@dataclass(frozen=True, slots=True)
class Count:
    """An hour, a day or a month by its name; `days` are those of its list; `hour` is the one of that day."""

    name: str
    days: str
    submitted: int
    admitted: int
    hour: str = ""


@router.get("/trends")
async def show_trends(request: Request, user: Operator, span: str = "month") -> Response:
    """`span`: day, month or year."""
    wanted, words, today = span if span in SPANS else "month", words_of(request), day_of(datetime.now(UTC))
    counts = await _counts(user.services, words, wanted, today)
    return render(
        request, "operator/trends.html", span=wanted, spans=SPANS, series=SERIES, counts=counts,
        charts={name: _chart(counts, name) for name in SERIES}, today=today.isoformat(),
        totals={name: sum(getattr(one, name) for one in counts) for name in SERIES}, days=_days(counts),
    )  # fmt: skip


async def _counts(services: Services, words: Words, span: str, today: date) -> list[Count]:
    if span == "day":
        hours = await referral.by_hour(services, today.isoformat())
        return [
            Count(f"{one['hour']:02}:00", today.isoformat(), one["submitted"], one["admitted"], str(one["hour"]))
            for one in hours
        ]
    first = today - timedelta(days=29) if span == "month" else year_ago(today)
    days = await referral.by_day(services, first.isoformat(), today.isoformat())
    if span == "month":
        return [Count(words.day(one["day"], "d MMMM"), one["day"], one["submitted"], one["admitted"]) for one in days]
    return [_month(words, own) for own in by_month(days)]


def by_month(days: Sequence[Json]) -> list[list[Json]]:
    """The days, by their calendar month, in order."""
    found: dict[str, list[Json]] = {}
    for one in days:
        found.setdefault(one["day"][:7], []).append(one)
    return list(found.values())


def _month(words: Words, days: Sequence[Json]) -> Count:
    first, last = days[0]["day"], days[-1]["day"]
    submitted, admitted = (sum(one[name] for one in days) for name in ("submitted", "admitted"))
    return Count(words.day(first, "LLLL y"), f"{first}/{last}", submitted, admitted)


def year_ago(today: date) -> date:
    """The first day of the eleventh month before."""
    months = today.year * 12 + today.month - 12
    return date(months // 12, months % 12 + 1, 1)


def _days(counts: Sequence[Count]) -> str:
    """Of all that is shown."""
    first, last = counts[0].days.partition("/")[0], counts[-1].days.rpartition("/")[2]
    return first if first == last else f"{first}/{last}"


def _chart(counts: Sequence[Count], name: str) -> Chart:
    return bar_chart([getattr(one, name) for one in counts], counts[0].name, counts[-1].name)
