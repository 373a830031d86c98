"""The worklists in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, or_
from sqlmodel import Session, col, select

from services.contracts.vocabulary import ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.sql_views import Scope
from services.referral.adapters.tables import ReferralRow

Position = tuple[datetime, str]
"""Where a page ended: the moment that the list is ordered by, and the referral's id."""


class Worklist(StrEnum):
    """What waits for somebody."""

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
    """A page of a worklist; `total` counts the whole list, `next` is where the next page begins, if there is one."""

    rows: Sequence[ReferralRow]
    total: int
    next: Position | None


class Worklists:
    """Worklists of one center or polyclinic, or of all; each call is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def escalated(self) -> dict[str, int]:
        """How many need an operator, by reason."""
        reason: Any = col(ReferralRow.escalation)
        counts = select(reason, func.count()).where(col(ReferralRow.escalated_at).is_not(None)).group_by(reason)
        return dict(await self._database.read(lambda session: session.exec(counts).all()))

    async def page(
        self, worklist: Worklist, scope: Scope, after: Position | None, limit: int, reason: str | None = None
    ) -> Listed:
        """Up to `limit` referrals: by deadline, or by the time since when an operator is needed."""
        escalated = worklist is Worklist.ESCALATED
        by: Any = col(ReferralRow.escalated_at if escalated else ReferralRow.deadline_at)
        listed: Any = by.is_not(None) if escalated else col(ReferralRow.state) == _STATE[worklist]
        if scope.center_id is not None:
            listed = and_(listed, col(ReferralRow.center_id) == scope.center_id)
        if reason is not None:
            listed = and_(listed, col(ReferralRow.escalation) == reason)
        if scope.polyclinic_id is not None:
            listed = and_(listed, col(ReferralRow.polyclinic_id) == scope.polyclinic_id)
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
