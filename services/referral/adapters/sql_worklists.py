"""The worklists in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import String, and_, bindparam, func, tuple_
from sqlmodel import Session, col, select

from services.contracts.vocabulary import ReferralState
from services.kit.sql.columns import Instant
from services.kit.sql.database import Database
from services.referral.adapters.kept_counts import KeptCounts
from services.referral.adapters.own_work import worked_on_by
from services.referral.adapters.sql_lists import COLUMNS, Values, read_rows, values_of
from services.referral.adapters.tables import ReferralRow

Position = tuple[datetime, str]
"""The end of a page: the moment that the list is ordered by, and the referral's id."""


class Worklist(StrEnum):
    """Referrals that wait for a person's act."""

    TO_ANSWER = "to-answer"
    TO_ADMIT = "to-admit"
    IN_CARE = "in-care"
    TO_OFFER_AGAIN = "to-offer-again"
    ESCALATED = "escalated"


_STATE = {
    Worklist.TO_ANSWER: ReferralState.OFFERED,
    Worklist.TO_ADMIT: ReferralState.ACCEPTED,
    Worklist.IN_CARE: ReferralState.ADMITTED,
    Worklist.TO_OFFER_AGAIN: ReferralState.NO_SHOW,
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a worklist; `total` counts the whole list, a long one as it was up to a second ago.

    `next` is the beginning of the next page, if any.
    """

    rows: Sequence[Values]
    total: int
    next: Position | None


class Worklists:
    """Worklists of one organization, or of all; each call is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._totals = KeptCounts[int](int)
        self._reasons = KeptCounts[dict[str, int]](lambda counts: sum(counts.values()))

    async def escalated(self) -> dict[str, int]:
        """Referrals that need an operator, by reason."""
        reason: Any = col(ReferralRow.escalation)
        counts = select(reason, func.count()).where(col(ReferralRow.escalated_at).is_not(None)).group_by(reason)

        def count(session: Session) -> dict[str, int]:
            return dict(session.exec(counts).all())

        return await self._database.read(lambda session: self._reasons.of("", lambda: count(session)))

    async def page(
        self,
        worklist: Worklist,
        after: Position | None,
        limit: int,
        filters: Mapping[str, str | None],
        actors: tuple[str, ...] | None = None,
    ) -> Listed:
        """Up to `limit` referrals by deadline, the escalated by the time of escalation; a filter of None is none.

        With `actors` only those that are their work.
        """
        escalated = worklist is Worklist.ESCALATED
        wanted = tuple((name, value) for name, value in filters.items() if value is not None)
        query, count = _statements(worklist, wanted, limit + 1, actors, going_on=after is not None)
        given = {"moment": after[0], "last": after[1]} if after else {}

        def work(session: Session) -> Listed:
            rows = read_rows(session, query, given)
            total = self._totals.of((worklist, wanted, actors), lambda: session.connection().scalar(count) or 0)
            following = _end(rows[limit - 1], escalated) if len(rows) > limit else None
            return Listed(values_of(rows[:limit]), total, following)

        long = actors is not None or filters.get("escalation") is not None  # it may look through the whole list
        return await (self._database.read if long else self._database.read_shortly)(work)


@lru_cache(maxsize=500)
def _statements(
    worklist: Worklist,
    wanted: tuple[tuple[str, str], ...],
    limit: int,
    actors: tuple[str, ...] | None,
    *,
    going_on: bool,
) -> Any:
    """Of a page, and of its list's count; to make them takes longer than to run them."""
    escalated = worklist is Worklist.ESCALATED
    by, id = col(ReferralRow.escalated_at if escalated else ReferralRow.deadline_at), col(ReferralRow.id)
    listed: Any = by.is_not(None) if escalated else col(ReferralRow.state) == _STATE[worklist]
    listed = and_(listed, *(getattr(ReferralRow, name) == value for name, value in wanted))
    listed = listed if actors is None else and_(listed, worked_on_by(actors))
    query = select(*COLUMNS).where(listed).order_by(by, id).limit(limit)
    if going_on:
        query = query.where(
            tuple_(by, id) > tuple_(bindparam("moment", type_=Instant()), bindparam("last", type_=String()))
        )
    return query, select(func.count()).select_from(ReferralRow).where(listed)


def _end(row: Any, escalated: bool) -> Position | None:
    moment = row.escalated_at if escalated else row.deadline_at
    return (moment, row.id) if moment else None
