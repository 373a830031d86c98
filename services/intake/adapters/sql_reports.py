"""Access reports from SQL: one snapshot."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from services.contracts.authority import Holder
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Role
from services.intake.adapters.moments import from_ms
from services.intake.adapters.sql_diagnoses import SELECTED, child_of, record_of
from services.intake.adapters.sql_keys import KEY_COLUMNS, SqlKeys
from services.intake.adapters.sql_notes import SEALED_NOTES, note_of
from services.intake.adapters.sql_transfers import transfer_of
from services.intake.adapters.tables import child_keys, children, corrected_data, diagnoses, notes, transfers
from services.intake.domain.keys import Purpose
from services.intake.handlers.erase import HeldByOthers
from services.intake.handlers.report import Replaced, Report
from services.intake.handlers.vault import Vault
from services.kit.audit import note
from services.kit.sql.database import Database

_REPLACED = select(corrected_data, *KEY_COLUMNS).outerjoin(
    child_keys, child_keys.c.child_id == corrected_data.c.child_id
)


class SqlReports:
    """Reports on the tables of intake; the vault of `keys` opens what is sealed."""

    def __init__(self, database: Database, keys: SqlKeys) -> None:
        self._database, self._keys = database, keys

    async def of(self, reader: Holder, role: Role, child_id: UUID) -> Report | None:
        def work(session: Session) -> Any:
            self._keys.require(session)
            root = session.execute(child_of(child_id)).scalar()
            rows = session.execute(
                SELECTED.where(diagnoses.c.child_id == root).order_by(diagnoses.c.submitted_at)
            ).all()
            if role is Role.POLYCLINIC and {row.polyclinic_id for row in rows} != {reader.org}:
                return rows, None
            joined = session.execute(select(children.c.child_id).where(children.c.joined_into == root)).scalars()
            family = (root, *joined)
            replaced = _REPLACED.where(corrected_data.c.child_id.in_(family)).order_by(corrected_data.c.sequence)
            written = SEALED_NOTES.where(notes.c.child_id.in_(family)).order_by(notes.c.written_at, notes.c.note_id)
            of_these = transfers.c.referral_id.in_([row.referral_id for row in rows])
            asked = select(transfers).where(of_these).order_by(transfers.c.asked_at)
            return rows, (family, *(session.execute(query).all() for query in (replaced, written, asked)))

        await self._keys.ready()
        rows, found = await self._database.read(work)
        if rows:
            note(child_id=rows[0].child_id)
        if not rows or (found is None and all(row.polyclinic_id != reader.org for row in rows)):
            return None
        if found is None:
            raise HeldByOthers
        vault, (family, replaced, written, asked) = self._keys.vault, found
        return Report(
            family,
            [record_of(vault, row) for row in rows],
            [_replaced(vault, row) for row in replaced],
            [note_of(vault, row) for row in written],
            [transfer_of(row) for row in asked],
        )


def _replaced(vault: Vault, row: Any) -> Replaced:
    key = vault.key_of(row.child_id, row.key_version, row.wrapped)
    before, after = (
        DiagnosisSubmission.model_validate_json(key.open(Purpose.SUBMISSION, row.referral_id, sealed))
        for sealed in (row.sealed_before, row.sealed_after)
    )
    return Replaced(row.referral_id, from_ms(row.corrected_at), before, after)
