"""Withdrawals of consents in SQL: one transaction, with the events."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlmodel import Session

from services.contracts.authority import Holder
from services.contracts.vocabulary import Role
from services.intake.adapters.moments import from_ms, to_ms
from services.intake.adapters.sql_diagnoses import SELECTED, child_of, ids_of
from services.intake.adapters.tables import children, diagnoses, outbox, withdrawals
from services.intake.handlers.withdraw_consent import Withdrawn
from services.kit.errors import TransientError
from services.kit.outgoing_event import OutgoingEvent
from services.kit.sql.database import Database, without_effect


class SqlConsents:
    """Consents on the tables of intake."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def withdraw(
        self, holder: Holder, role: Role, child_id: UUID, event: Callable[[UUID, UUID], OutgoingEvent], at: datetime
    ) -> Withdrawn | None:
        def work(session: Session) -> Withdrawn | None:
            child = session.execute(child_of(child_id)).scalar()
            locked = select(children.c.joined_into).where(children.c.child_id == child).with_for_update()
            if session.execute(locked).scalar() is not None:
                raise TransientError("database: another request joined this child")
            rows = session.execute(SELECTED.where(diagnoses.c.child_id == child)).all()
            if role is Role.POLYCLINIC and all(row.polyclinic_id != holder.org for row in rows):
                without_effect(session, **(ids_of(rows[0]) if rows else {}))
                return None
            given = [row for row in rows if row.withdrawn_at is None]
            for row in given:
                values = {"referral_id": row.referral_id, "child_id": child, "withdrawn_at": to_ms(at)}
                session.execute(insert(withdrawals).values(values))
            outbox.add(session, [event(row.referral_id, row.child_id) for row in given])
            earlier = [row.withdrawn_at for row in rows if row.withdrawn_at is not None]
            moment = at if given else from_ms(max(earlier, default=0))
            return Withdrawn(rows[0].child_id, tuple(row.referral_id for row in rows), moment) if rows else None

        return await self._database.write(work)
