"""Families' codes: made of a referral's id by a key, and found among the referrals of their moment."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from services.intake.adapters.sql_diagnoses import SELECTED, record_of
from services.intake.adapters.sql_keys import SqlKeys
from services.intake.adapters.tables import diagnoses, withdrawals
from services.intake.domain.family_codes import FamilyCode, write_code
from services.intake.handlers.family import Found
from services.kit.sql.database import Database


class SqlFamilies:
    """The FamilyCodes port."""

    def __init__(self, database: Database, keys: SqlKeys) -> None:
        self._database, self._keys = database, keys

    async def code(self, referral_id: UUID) -> str:
        await self._keys.ready()
        vault = self._keys.vault
        return write_code(referral_id, vault.family_marks(referral_id)[vault.active.index])

    async def find(self, code: FamilyCode) -> Found | None:
        await self._keys.ready()
        row = await self._database.read(lambda session: self._row(session, code))
        if row is None:
            return None
        record = record_of(self._keys.vault, row)
        return Found(record.referral_id, record.child_id, record.polyclinic_id, record.submission.child.birth_date)

    def _row(self, session: Session, code: FamilyCode) -> Any:
        near = select(diagnoses.c.referral_id).where(diagnoses.c.referral_id.between(code.first, code.last))
        marks = self._keys.vault.family_marks
        for id in session.execute(near).scalars():
            if any(map(code.fits, marks(id).values())):
                consented = SELECTED.where(diagnoses.c.referral_id == id, withdrawals.c.withdrawn_at.is_(None))
                return session.execute(consented).first()
        return None
