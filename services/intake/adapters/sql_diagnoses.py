"""Reading diagnoses from SQL under the access rules."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, false, func, or_, select
from sqlmodel import Session

from services.contracts.authority import Holder
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Priority, Role
from services.intake.adapters.moments import from_ms
from services.intake.adapters.sql_keys import KEY_COLUMNS, SqlKeys
from services.intake.adapters.tables import child_keys, children, diagnoses, withdrawals
from services.intake.domain.keys import Digests, Purpose
from services.intake.handlers.read import DiagnosisRecord, Read
from services.intake.handlers.vault import ChildKey, Vault
from services.kit.audit import TRAIL, note
from services.kit.sql.database import Database

MOST = 200
"""Referrals of one child in one answer, the newest."""


SELECTED = (
    select(diagnoses, children.c.version.label("child_version"), withdrawals.c.withdrawn_at, *KEY_COLUMNS)
    .join(children)
    .outerjoin(withdrawals, withdrawals.c.referral_id == diagnoses.c.referral_id)
    .outerjoin(child_keys, child_keys.c.child_id == diagnoses.c.child_id)
    .where(children.c.erased_at.is_(None))
)
"""Diagnoses with all that `record_of` needs; those of an erased child are gone."""


class SqlDiagnoses:
    """Diagnoses in SQL; the vault of `keys` opens their sealed submissions."""

    def __init__(self, database: Database, keys: SqlKeys) -> None:
        self._database, self._keys = database, keys

    async def ids(self, read: Read, key: UUID | Digests) -> list[UUID]:
        await self._keys.ready()
        newest = diagnoses.c.submitted_at.desc()
        query = select(diagnoses.c.referral_id).where(_has_key(read, key)).order_by(newest).limit(MOST)
        return await self._database.read(lambda session: list(session.execute(query).scalars()))

    async def find(
        self, reader: Holder, read: Read, key: UUID | Digests, offered: Collection[UUID]
    ) -> list[DiagnosisRecord]:
        theirs = SELECTED.where(_has_key(read, key)).order_by(diagnoses.c.submitted_at.desc()).limit(MOST)

        def work(session: Session) -> tuple[Any, Any]:
            self._keys.require(session)
            rows = session.execute(theirs.where(_may_read(reader, offered))).all()
            return rows, None if rows else session.execute(theirs.limit(1)).first()

        await self._keys.ready()
        rows, hidden = await self._database.read(work)
        if hidden:
            note(child_id=hidden.child_id, referral_id=hidden.referral_id)
        return [record_of(self._keys.vault, row) for row in rows]

    async def names(self, polyclinic_id: str, referral_ids: Collection[UUID]) -> dict[UUID, str]:
        asked = SELECTED.where(diagnoses.c.referral_id.in_(referral_ids))

        def work(session: Session) -> Any:
            self._keys.require(session)
            return session.execute(asked).all()

        await self._keys.ready()
        rows = await self._database.read(work)
        if trail := TRAIL.get():
            await self._database.enter(
                *(
                    trail.entry(
                        "" if row.polyclinic_id == polyclinic_id else "not_found",
                        {name: str(id) for name, id in ids_of(row).items()},
                    )
                    for row in rows
                )
            )
        own = [row for row in rows if row.polyclinic_id == polyclinic_id]
        return {row.referral_id: _name_of(self._keys.vault, row) for row in own}


def ids_of(row: Any) -> dict[str, UUID]:
    """The subjects of a diagnosis, for the audit log."""
    return {"child_id": row.child_id, "referral_id": row.referral_id}


def _name_of(vault: Vault, row: Any) -> str:
    """The child's, and nothing else of its submission."""
    _, submission = _opened(vault, row)
    return str(orjson.loads(submission)["child"]["full_name"])


def _opened(vault: Vault, row: Any) -> tuple[ChildKey, bytes]:
    key = vault.key_of(row.child_id, row.key_version, row.wrapped)
    return key, key.open(Purpose.SUBMISSION, row.referral_id, row.sealed)


def record_of(vault: Vault, row: Any) -> DiagnosisRecord:
    """The record in a row of `SELECTED`."""
    key, submission = _opened(vault, row)
    return DiagnosisRecord(
        row.referral_id,
        row.child_id,
        row.polyclinic_id,
        from_ms(row.submitted_at),
        Priority(row.priority),
        DiagnosisSubmission.model_validate_json(submission),
        row.version,
        row.child_version,
        key,
        None if row.changed_at is None else from_ms(row.changed_at),
        None if row.withdrawn_at is None else from_ms(row.withdrawn_at),
    )


def _has_key(read: Read, key: UUID | Digests) -> ColumnElement[bool]:
    if not isinstance(key, UUID):
        by_iin = select(children.c.child_id).where(children.c.iin_index.in_(key.values()))
        return diagnoses.c.child_id.in_(by_iin)
    if read is Read.CHILD:
        return diagnoses.c.child_id == child_of(key).scalar_subquery()
    return diagnoses.c.referral_id == key


def child_of(key: UUID) -> Select[tuple[UUID]]:
    """The id of the child to which the id `key` leads: its own, or that of the child that it was joined into."""
    return select(func.coalesce(children.c.joined_into, children.c.child_id)).where(children.c.child_id == key)


def _may_read(reader: Holder, offered: Collection[UUID]) -> ColumnElement[bool]:
    by_role = {
        Role.POLYCLINIC: diagnoses.c.polyclinic_id == reader.org,
        Role.CENTER: diagnoses.c.referral_id.in_(offered) & withdrawals.c.withdrawn_at.is_(None),
    }
    return or_(false(), *(rule for role, rule in by_role.items() if role in reader.roles))


def related_ids(session: Session, id: str) -> list[str]:
    """The ids of the audit log's entries about a child: those of children joined into it, and of all its referrals."""
    try:
        child_id = session.execute(child_of(UUID(id))).scalar()
    except ValueError:
        child_id = None
    if child_id is None:
        return [id]
    joined = session.execute(select(children.c.child_id).where(children.c.joined_into == child_id)).scalars()
    theirs = session.execute(select(diagnoses.c.referral_id).where(diagnoses.c.child_id == child_id)).scalars()
    return [id, *{str(one) for one in (child_id, *joined, *theirs)} - {id}]
