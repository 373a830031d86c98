"""The deadlines' rows in SQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import and_, bindparam, or_, update
from sqlmodel import Session, col, select

from services.contracts.vocabulary import CLOSED, ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.rows import read_candidates
from services.referral.adapters.sql_referrals import load
from services.referral.adapters.tables import DecisionRow, ReferralRow
from services.referral.domain.keeping import REVIEWED
from services.referral.ports import Loaded

_PART = 500
_waits = select(ReferralRow.id, DecisionRow.candidates).where(
    col(ReferralRow.state) == ReferralState.WAITING,
    col(DecisionRow.referral_id) == col(ReferralRow.id),
    col(DecisionRow.attempt) == col(ReferralRow.attempt),
)
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

    async def waits_for(self, referral_ids: Collection[UUID]) -> Mapping[UUID, frozenset[str]]:
        wanted = _waits.where(col(ReferralRow.id).in_([str(one) for one in referral_ids]))
        found = await self._database.read(lambda session: session.execute(wanted).all())
        return {UUID(id): frozenset(one.programme_id for one in read_candidates(waits)) for id, waits in found}

    async def waiting_for(self, programme_id: str) -> frozenset[UUID]:
        named = col(DecisionRow.candidates).contains(f'["{programme_id}",', autoescape=True)
        query = _waits.where(named).with_only_columns(col(ReferralRow.id))
        return await self._database.read(lambda session: frozenset(map(UUID, session.scalars(query))))

    async def look_now(self, referral_ids: Collection[UUID], now: datetime) -> None:
        wanted = sorted(map(str, referral_ids))
        waiting = update(ReferralRow).where(col(ReferralRow.state).in_(REVIEWED))
        parts = [wanted[start : start + _PART] for start in range(0, len(wanted), _PART)]

        for part in parts:
            due = waiting.where(col(ReferralRow.id).in_(part)).values(due_at=now)
            await self._database.write(partial(Session.execute, statement=due))

    async def put_off(self, looks: Mapping[UUID, tuple[datetime, datetime]]) -> None:
        table = ReferralRow.__table__  # type: ignore[attr-defined]
        still = (table.c.id == bindparam("of")) & (table.c.due_at == bindparam("then"))
        moves = [{"of": str(id), "then": then, "later": later} for id, (then, later) in sorted(looks.items())]
        if moves:
            later = update(table).where(still).values(due_at=bindparam("later"))
            await self._database.write(lambda session: session.execute(later, moves))

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
