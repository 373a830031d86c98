"""Referrals whose deadline step is due, in SQL: columns `due_at` and `deadline_at` of the referral."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import and_, bindparam, or_, text, update
from sqlmodel import Session, col, select

from services.kit.sql.database import Database
from services.referral.adapters.sql_referrals import load, parts
from services.referral.adapters.tables import LOST, ReferralRow, table
from services.referral.domain.deadline_steps import REVIEWED
from services.referral.domain.referral import ReferralWithOffers


class SqlDeadlines:
    """Deadlines on SQLite or PostgreSQL; each call is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now: datetime, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[ReferralWithOffers]:
        due_at, id = col(ReferralRow.due_at), col(ReferralRow.id)
        query = select(ReferralRow.id).where(due_at <= now).order_by(due_at, id).limit(limit)
        if after:
            query = query.where(or_(due_at > after[0], and_(due_at == after[0], id > str(after[1]))))

        def work(session: Session) -> Sequence[ReferralWithOffers]:
            ids = [UUID(one) for one in session.scalars(query)]
            found = load(session, ids)
            return [found[one] for one in ids if one in found]

        return await self._database.read(work)

    async def review_now(self, referral_ids: Collection[UUID], now: datetime) -> None:
        unplaced = update(ReferralRow).where(col(ReferralRow.state).in_(REVIEWED))
        for part in parts(sorted(map(str, referral_ids))):
            due = unplaced.where(col(ReferralRow.id).in_(part)).values(due_at=now)
            await self._database.write(partial(Session.execute, statement=due))

    async def put_off(self, moves: Mapping[UUID, tuple[datetime, datetime]]) -> None:
        referrals = table(ReferralRow)
        still = (referrals.c.id == bindparam("of")) & (referrals.c.due_at == bindparam("then"))
        values = [{"of": str(id), "then": then, "later": later} for id, (then, later) in sorted(moves.items())]
        if values:
            later = update(referrals).where(still).values(due_at=bindparam("later"))
            await self._database.write(lambda session: session.execute(later, values))

    async def lost(self) -> Sequence[UUID]:
        """Open referrals without an owner or a deadline: always none."""
        query = select(ReferralRow.id).where(text(LOST)).order_by(col(ReferralRow.id))
        return await self._database.read(lambda session: [UUID(one) for one in session.scalars(query)])
