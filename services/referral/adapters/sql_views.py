"""Read models of the API, straight from the tables."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, case, func, or_
from sqlmodel import Session, col, select

from services.contracts.authority import Visibility
from services.contracts.days import end_of
from services.contracts.vocabulary import ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.center_visibility import entries_of, has_now, own_part
from services.referral.adapters.kept_counts import KeptCounts
from services.referral.adapters.own_work import worked_on_by
from services.referral.adapters.sql_directory import Directories, Directory
from services.referral.adapters.sql_lists import COLUMNS, Values, read_rows, shown, values_of, visible
from services.referral.adapters.sql_stories import Story, read_story
from services.referral.adapters.tables import HistoryRow, OfferRow, ReferralRow
from services.referral.domain.life import AT_A_CENTER

StateCounts = dict[str, tuple[int, int]]
"""By state how many referrals, and how many of these are past their deadline."""


@dataclass(frozen=True, slots=True)
class ReferralFilter:
    """Of a list of referrals: columns with their values; states; from and under which age in months; first and last
    days, or of one day the `hour`; past their deadline at that moment; whose work, by the names in histories.
    """

    columns: tuple[tuple[str, str], ...]
    states: tuple[str, ...] = ()
    age: tuple[int | None, int | None] = (None, None)
    submitted: tuple[date | None, date | None] = (None, None)
    admitted: tuple[date | None, date | None] = (None, None)
    hour: int | None = None
    overdue_at: datetime | None = None
    actors: tuple[str, ...] | None = None

    @property
    def ids(self) -> Mapping[str, str]:
        return {name: value for name, value in self.columns if name != "number"}

    @property
    def discloses(self) -> bool:
        """Whether it is about what a center does not see of a child that it has no longer."""
        ranges = (*self.age, *self.submitted, *self.admitted, self.overdue_at)
        return (
            bool(self.states)
            or any(name not in ("polyclinic_id", "number") for name, _ in self.columns)
            or any(one is not None for one in ranges)
        )

    @property
    def by_index(self) -> bool:
        """Whether an index finds the first page of a list: others may have to look through all referrals."""
        ranges = (*self.age, *self.submitted, *self.admitted, self.overdue_at, self.actors)
        return self.ids.keys() <= {"polyclinic_id", "center_id"} and all(one is None for one in ranges)

    @property
    def conditions(self) -> list[Any]:
        ranges = (
            (col(ReferralRow.age_months), *self.age),
            (col(ReferralRow.deadline_at), None, self.overdue_at),
            (col(ReferralRow.submitted_at), *_moments(*self.submitted, self.hour)),
            (col(ReferralRow.admitted_at), *_moments(*self.admitted, self.hour)),
        )
        found: list[Any] = [getattr(ReferralRow, name) == value for name, value in self.columns]
        found += [col(ReferralRow.state).in_(self.states)] if self.states else []
        found += [worked_on_by(self.actors)] if self.actors is not None else []
        for column, least, under in ranges:
            found += [column >= least] if least is not None else []
            found += [column < under] if under is not None else []
        return found


def _moments(first: date | None, last: date | None, hour: int | None = None) -> tuple[datetime | None, datetime | None]:
    """Where the first day begins, and the last one ends; or an hour of the first day."""
    if first and hour is not None:
        begins = end_of(first) - timedelta(hours=24 - hour)
        return begins, begins + timedelta(hours=1)
    return end_of(first) - timedelta(days=1) if first else None, end_of(last) if last else None


class Views:
    """Each call is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database, self._directories = database, Directories()
        self._counts = KeptCounts[StateCounts](lambda counts: sum(count for count, _ in counts.values()))

    async def referrals(
        self, visibility: Visibility, wanted: ReferralFilter, after: str | None, limit: int
    ) -> Sequence[Values]:
        """Referrals by id, which is by time of submission, the newest first; `after` is the last id seen."""
        given = {"after": after} if after else {}
        make = _listing if wanted.overdue_at is None else _listing.__wrapped__  # each moment has a statement of its own
        query = make(visibility, wanted, limit, going_on=bool(after))
        short = wanted.by_index and visibility.center_id is None
        read = self._database.read_shortly if short else self._database.read
        return await read(lambda session: _as_seen(session, read_rows(session, query, given), visibility))

    async def counts(
        self, polyclinic_id: str | None, now: datetime, actors: Sequence[str] | None = None
    ) -> StateCounts:
        """By state how many referrals there are, and how many of them are past their deadline; of all or one's own.

        With `actors` only those that are their work. Where there are many, as they were up to a second ago.
        """
        state, past = col(ReferralRow.state), case((col(ReferralRow.deadline_at) < now, 1), else_=0)
        query: Any = select(state, func.count(), func.sum(past)).group_by(state)
        if polyclinic_id is not None:
            query = query.where(col(ReferralRow.polyclinic_id) == polyclinic_id)
        if actors is not None:
            query = query.where(worked_on_by(actors))

        def count(session: Session) -> StateCounts:
            return {name: (count, late) for name, count, late in session.exec(query)}

        names = polyclinic_id, None if actors is None else tuple(actors)
        return await self._database.read(lambda session: self._counts.of(names, lambda: count(session)))

    async def story(self, referral_id: str, visibility: Visibility) -> Story | None:
        """The whole story, or None when there is no such referral that is visible."""
        return await self._database.read_shortly(
            lambda session: read_story(session, referral_id, visibility, self._directories.of(session))
        )

    async def directory(self) -> Directory:
        """The centers and programmes as they are now."""
        return await self._database.read_shortly(self._directories.of)


@lru_cache(maxsize=500)
def _listing(visibility: Visibility, wanted: ReferralFilter, limit: int, *, going_on: bool) -> Any:
    """The statement of a list; to make one takes longer than to run it."""
    query = visible(select(*COLUMNS), visibility).order_by(col(ReferralRow.id).desc()).limit(limit)
    query = query.where(*wanted.conditions)
    if not visibility.everything and wanted.discloses:
        here = col(ReferralRow.state).in_((*AT_A_CENTER, ReferralState.COMPLETED))
        own = (col(ReferralRow.center_id) == visibility.center_id) & here
        query = query.where(or_(own, col(ReferralRow.polyclinic_id) == visibility.polyclinic_id))
    return query.where(col(ReferralRow.id) < bindparam("after")) if going_on else query


def related_ids(session: Session, id: str) -> list[str]:
    """The ids of the audit log's entries about a child, with those of its referrals; or about one referral."""
    return [id, *session.scalars(select(ReferralRow.id).where(ReferralRow.child_id == id))]


def _as_seen(session: Session, rows: Sequence[Any], visibility: Visibility) -> Sequence[Values]:
    """The rows; for a center only its own part of those that it has no longer."""
    values = values_of(rows)
    ended = [] if visibility.everything else [one.id for one in rows if not _sees_wholly(one, visibility)]
    if not ended:
        return values
    offers, history = (
        _by_referral(session, OfferRow, "attempt", ended),
        _by_referral(session, HistoryRow, "version", ended),
    )
    parts = {id: _own_entries(offers[id], history[id], visibility) for id in ended}
    return [
        shown(own_part(row, parts[row.id])) if row.id in parts else one for row, one in zip(rows, values, strict=True)
    ]


def _sees_wholly(row: Any, visibility: Visibility) -> bool:
    return visibility.wholly(row.polyclinic_id) or has_now(row, visibility.center_id)


def _by_referral(session: Session, model: Any, by: str, ids: Sequence[str]) -> dict[str, list[Any]]:
    found = defaultdict[str, list[Any]](list)
    for one in session.scalars(select(model).where(model.referral_id.in_(ids)).order_by(getattr(model, by))):
        found[one.referral_id].append(one)
    return found


def _own_entries(offers: Sequence[OfferRow], history: Sequence[HistoryRow], visibility: Visibility) -> list[HistoryRow]:
    return entries_of({one.attempt for one in offers if one.center_id == visibility.center_id}, offers, history)
