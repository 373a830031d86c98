"""Counts for statistics: referrals by day, and by region and age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, case, cast, extract, func, type_coerce
from sqlmodel import Session, col, select

from services.contracts.days import ALMATY, end_of
from services.kit.sql.database import Database
from services.referral.adapters.tables import ReferralRow

AGES = (0, 36, 84, 144)
"""Where an age group begins, in months: under 3 years, 3 to 6, 7 to 11, 12 and older."""
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=ALMATY)


@dataclass(frozen=True, slots=True)
class RegionCount:
    """Referrals of one region's children of one age group, which begins at `age_from_months`."""

    region_id: str
    age_from_months: int
    count: int


class Statistics:
    """Each call is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def submitted(self, first: date, last: date, unit: timedelta) -> Mapping[datetime, int]:
        """How many referrals were submitted in each hour or day (`unit`) of Kazakhstan; those without are left out."""
        return await self._by_time(col(ReferralRow.submitted_at), first, last, unit)

    async def admitted(self, first: date, last: date, unit: timedelta) -> Mapping[datetime, int]:
        """How many children came to their center, in the same way."""
        return await self._by_time(col(ReferralRow.admitted_at), first, last, unit)

    async def regions(self, state: str) -> Sequence[RegionCount]:
        """The referrals in a state by region and age group; groups without one are left out."""
        age, region = col(ReferralRow.age_months), col(ReferralRow.region_id)
        group: Any = case(*((age >= one, one) for one in reversed(AGES)))
        query: Any = select(region, group, func.count()).where(col(ReferralRow.state) == state).group_by(region, group)
        rows = await self._database.read(lambda session: session.exec(query.order_by(region, group)).all())
        return [RegionCount(*row) for row in rows]

    async def _by_time(self, moment: Any, first: date, last: date, unit: timedelta) -> Mapping[datetime, int]:
        within = moment >= end_of(first - timedelta(days=1)), moment < end_of(last)

        def work(session: Session) -> Sequence[tuple[int, int]]:
            number = _local_milliseconds(moment, session.get_bind().dialect.name) // (unit // _MILLISECOND)
            query: Any = select(number, func.count()).where(*within).group_by(number)
            found: Sequence[tuple[int, int]] = session.exec(query).all()
            return found

        return {_EPOCH + number * unit: count for number, count in await self._database.read(work)}


def _local_milliseconds(moment: Any, dialect: str) -> Any:
    """Since the beginning of 1970 in Kazakhstan."""
    stored = dialect != "postgresql"  # SQLite has them as they are
    since = type_coerce(moment, BigInteger) if stored else cast(extract("epoch", moment) * 1000, BigInteger)
    return since + ALMATY.utcoffset(None) // _MILLISECOND
