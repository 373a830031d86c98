"""The worklists in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, or_
from sqlmodel import Session, col, select

from services.contracts.vocabulary import ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.own_work import worked_on_by
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
    """A page of a worklist; `total` counts the whole list, `next` is the beginning of the next page, if any."""

    rows: Sequence[ReferralRow]
    total: int
    next: Position | None


class Worklists:
    """Worklists of one organization, or of all; each call is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def escalated(self) -> dict[str, int]:
        """Referrals that need an operator, by reason."""
        reason: Any = col(ReferralRow.escalation)
        counts = select(reason, func.count()).where(col(ReferralRow.escalated_at).is_not(None)).group_by(reason)
        return dict(await self._database.read(lambda session: session.exec(counts).all()))

    async def page(
        self,
        worklist: Worklist,
        after: Position | None,
        limit: int,
        filters: Mapping[str, str | None],
        actors: Sequence[str] | None = None,
    ) -> Listed:
        """Up to `limit` referrals by deadline, the escalated by the time of escalation; a filter of None is none.

        With `actors` only those that are their work.
        """
        escalated = worklist is Worklist.ESCALATED
        by: Any = col(ReferralRow.escalated_at if escalated else ReferralRow.deadline_at)
        listed: Any = by.is_not(None) if escalated else col(ReferralRow.state) == _STATE[worklist]
        for name, value in filters.items():
            if value is not None:
                listed = and_(listed, getattr(ReferralRow, name) == value)
        if actors is not None:
            listed = and_(listed, worked_on_by(actors))
        id = col(ReferralRow.id)
        query = select(ReferralRow).where(listed).order_by(by, id).limit(limit + 1)
        if after:
            query = query.where(or_(by > after[0], and_(by == after[0], id > after[1])))
        count = select(func.count()).select_from(ReferralRow).where(listed)

        def work(session: Session) -> Listed:
            rows, total = session.scalars(query).all(), session.scalar(count) or 0
            return Listed(rows[:limit], total, _end(rows[limit - 1], escalated) if len(rows) > limit else None)

        return await self._database.read(work)


def _end(row: ReferralRow, escalated: bool) -> Position | None:
    moment = row.escalated_at if escalated else row.deadline_at
    return (moment, row.id) if moment else None
