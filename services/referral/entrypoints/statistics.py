"""`/v1/statistics/…`: counts over time, and by region and age, for operators."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise

from fastapi import Depends
from pydantic import BaseModel, Field

from services.contracts.authority import OPERATORS
from services.contracts.days import ALMATY
from services.contracts.vocabulary import ReferralState
from services.kit.http.auditing import audited
from services.kit.http.auth import Require
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.referral.adapters.sql_statistics import AGES
from services.referral.entrypoints.field_types import Day
from services.referral.entrypoints.referrals import Service

router = guarded_router("/v1/statistics", tags=["statistics"], dependencies=[Depends(Require(*OPERATORS))])
MOST_DAYS = 400
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_NEXT_AGE = dict(pairwise(AGES))


class _Counts(BaseModel):
    submitted: int = Field(description="Referrals that were submitted")
    admitted: int = Field(description="Children who came to their center")


class DayCount(_Counts):
    """A day of Kazakhstan."""

    day: date


class HourCount(_Counts):
    """An hour of a day of Kazakhstan, by its beginning."""

    hour: int


class RegionAgeCount(BaseModel):
    """Referrals of children who live in the region and are of the age group."""

    region_id: str
    age_from_months: int
    age_under_months: int | None = Field(description="null: the oldest group")
    count: int


@router.get("/days")
@audited(never=True)  # of nobody
async def count_days(service: Service, first: Day, last: Day) -> list[DayCount]:
    """Referrals and placements of each day from `first` to `last`, 400 at most."""
    days = (last - first).days + 1
    if not 1 <= days <= MOST_DAYS:
        raise Problem.of_field("last", "out_of_range", f"must be `first` or up to {MOST_DAYS - 1} days after it")
    submitted = await service.reading.statistics.submitted(first, last, DAY)
    admitted = await service.reading.statistics.admitted(first, last, DAY)
    every = (datetime.combine(first, time(), ALMATY) + number * DAY for number in range(days))
    return [DayCount(day=one.date(), submitted=submitted.get(one, 0), admitted=admitted.get(one, 0)) for one in every]


@router.get("/hours")
@audited(never=True)
async def count_hours(service: Service, day: Day) -> list[HourCount]:
    """Referrals and placements of each hour of a day of Kazakhstan."""
    submitted = await service.reading.statistics.submitted(day, day, HOUR)
    admitted = await service.reading.statistics.admitted(day, day, HOUR)
    every = (datetime.combine(day, time(), ALMATY) + number * HOUR for number in range(24))
    return [HourCount(hour=one.hour, submitted=submitted.get(one, 0), admitted=admitted.get(one, 0)) for one in every]


@router.get("/regions")
@audited(never=True)
async def count_regions(service: Service, status: ReferralState = ReferralState.WAITING) -> list[RegionAgeCount]:
    """Referrals in a state by the child's region and age group; groups without one are left out."""
    return [
        RegionAgeCount(
            region_id=one.region_id,
            age_from_months=one.age_from_months,
            age_under_months=_NEXT_AGE.get(one.age_from_months),
            count=one.count,
        )
        for one in await service.reading.statistics.regions(status)
    ]
