"""Reading diagnoses from SQL under the access rules, with the audit's rows in the same transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, insert, select
from sqlmodel import Session

from services.contracts.vocabulary import Priority, Role
from services.intake.adapters.sql_submissions import from_ms, to_ms
from services.intake.adapters.tables import access, audit, children, diagnoses
from services.intake.handlers.read import Action, Asker, StoredDiagnosis
from services.kit.sql.database import Database

MOST = 200
"""Referrals of one child in one answer, the newest."""


class SqlDiagnoses:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_referral(
        self, asker: Asker, referral_id: UUID, action: Action, now: datetime
    ) -> list[StoredDiagnosis]:
        return await self._find(asker, diagnoses.c.referral_id == referral_id, action, now)

    async def by_child(self, asker: Asker, child_id: UUID, action: Action, now: datetime) -> list[StoredDiagnosis]:
        return await self._find(asker, diagnoses.c.child_id == child_id, action, now)

    async def by_iin(self, asker: Asker, iin_index: bytes, action: Action, now: datetime) -> list[StoredDiagnosis]:
        child = select(children.c.child_id).where(children.c.iin_index == iin_index).scalar_subquery()
        return await self._find(asker, diagnoses.c.child_id == child, action, now)

    async def _find(
        self, asker: Asker, which: ColumnElement[bool], action: Action, now: datetime
    ) -> list[StoredDiagnosis]:
        def work(session: Session) -> list[StoredDiagnosis]:
            query = select(diagnoses).where(which, _may_read(asker))
            rows = session.execute(query.order_by(diagnoses.c.submitted_at.desc()).limit(MOST)).all()
            if rows:
                session.execute(insert(audit), [_audited(asker, row, action, now) for row in rows])
            return [_stored(row) for row in rows]

        return await self._database.write(work)


def _may_read(asker: Asker) -> ColumnElement[bool]:
    if asker.role is Role.POLYCLINIC:
        own: ColumnElement[bool] = diagnoses.c.polyclinic_id == asker.org
        return own
    offers = select(access.c.referral_id).where(
        access.c.center_id == asker.org, access.c.referral_id == diagnoses.c.referral_id
    )
    return offers.exists()


def _audited(asker: Asker, row: Any, action: Action, now: datetime) -> dict[str, Any]:
    return {
        "read_at": to_ms(now),
        "subject": asker.subject[:200],
        "role": asker.role.value,
        "org": asker.org,
        "action": action.value,
        "child_id": row.child_id,
        "referral_id": row.referral_id,
    }


def _stored(row: Any) -> StoredDiagnosis:
    return StoredDiagnosis(
        row.referral_id, row.child_id, row.polyclinic_id, from_ms(row.submitted_at), Priority(row.priority), row.sealed
    )
