"""The deadlines' rows in SQL."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from services.contracts.vocabulary import CLOSED, ReferralState
from services.kit.database import Database
from services.referral.adapters.sql_referrals import load
from services.referral.adapters.tables import ReferralRow
from services.referral.ports import Loaded

_HAVE_CENTER = (ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED)


class SqlDeadlines:
    """Deadlines on SQLite or PostgreSQL; each call is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now: datetime, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Loaded]:
        due_at, id = col(ReferralRow.due_at), col(ReferralRow.id)
        query = select(ReferralRow.id).where(due_at <= now).order_by(due_at, id).limit(limit)
        if after:
            query = query.where(or_(due_at > after[0], and_(due_at == after[0], id > str(after[1]))))

        def work(session: Session) -> Sequence[Loaded]:
            ids = [UUID(one) for one in session.scalars(query)]
            found = load(session, ids)
            return [found[one] for one in ids if one in found]

        return await self._database.read(work)

    async def open_without_deadline(self) -> Sequence[UUID]:
        """Open referrals that nobody owns, or that nobody would look at again: always none."""
        row = ReferralRow
        lost = or_(
            col(row.deadline_at).is_(None),
            col(row.due_at).is_(None),
            and_(col(row.state).in_(_HAVE_CENTER), col(row.center_id).is_(None)),
        )
        query = select(row.id).where(col(row.state).not_in(CLOSED), lost).order_by(col(row.id))
        return await self._database.read(lambda session: [UUID(one) for one in session.scalars(query)])
