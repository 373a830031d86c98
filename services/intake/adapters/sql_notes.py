"""Notes in SQL, sealed by the child's key."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, or_, select, true
from sqlmodel import Session

from services.contracts.authority import Holder, actor
from services.contracts.vocabulary import Role
from services.intake.adapters.moments import from_ms, to_ms
from services.intake.adapters.sql_diagnoses import SELECTED, ids_of
from services.intake.adapters.sql_keys import KEY_COLUMNS, SqlKeys
from services.intake.adapters.tables import child_keys, children, diagnoses, notes
from services.intake.domain.keys import Purpose
from services.intake.handlers.notes import MOST, Note, TooManyNotes, writing_role
from services.intake.handlers.vault import Vault
from services.kit.audit import note
from services.kit.errors import TransientError
from services.kit.sql.database import Database, without_effect

SEALED_NOTES = select(notes, *KEY_COLUMNS).join(child_keys, child_keys.c.child_id == notes.c.child_id)
"""Notes with all that `note_of` needs."""


class SqlNotes:
    """Notes on the tables of intake; the vault of `keys` seals and opens them."""

    def __init__(self, database: Database, keys: SqlKeys) -> None:
        self._database, self._keys = database, keys

    async def write(
        self, writer: Holder, referral_id: UUID, offered: Collection[UUID], note_id: UUID, text: str, at: datetime
    ) -> Note | None:
        def work(session: Session) -> Note | None:
            self._keys.require(session)
            row = locked(session, self._keys, referral_id)
            has_it = row is not None and referral_id in offered and row.withdrawn_at is None
            role = writing_role(writer, row.polyclinic_id, has_it=has_it) if row else None
            if role is None:
                without_effect(session, **(ids_of(row) if row else {}))
                return None
            of_referral = select(func.count()).where(notes.c.referral_id == referral_id)
            if session.execute(of_referral).scalar_one() >= MOST:
                raise TooManyNotes
            one = Note(note_id, referral_id, row.child_id, actor(writer, role), at, text)
            add(session, self._keys.vault, row, one, role, writer.org)
            return one

        await self._keys.ready()
        return await self._database.write(work)

    async def find(self, reader: Holder, referral_id: UUID, offered: Collection[UUID]) -> list[Note] | None:
        def work(session: Session) -> tuple[Any, list[Any] | None]:
            self._keys.require(session)
            row = session.execute(SELECTED.where(diagnoses.c.referral_id == referral_id)).first()
            if row is None:
                return None, None
            has_it = referral_id in offered and row.withdrawn_at is None
            rule = _may_read(reader, row, has_it=has_it)
            query = SEALED_NOTES.where(notes.c.referral_id == referral_id, rule).order_by(notes.c.note_id)
            found = list(session.execute(query).all())
            knows = has_it or _has_polyclinic(reader, row) or found
            return row, found if knows else None

        await self._keys.ready()
        row, found = await self._database.read(work)
        if row is not None:
            note(child_id=row.child_id)
        return None if found is None else [note_of(self._keys.vault, one) for one in found]


def locked(session: Session, keys: SqlKeys, referral_id: UUID) -> Any:
    """The diagnosis as in `SELECTED`, its child locked first, as by every writer of several rows, and with a key."""
    child_id = session.execute(select(diagnoses.c.child_id).where(diagnoses.c.referral_id == referral_id)).scalar()
    if child_id is None:
        return None
    query = select(children.c.joined_into).where(children.c.child_id == child_id).with_for_update()
    if session.execute(query).scalar() is not None:
        raise TransientError("database: another request joined this child")
    keys.add_missing(session, child_id)
    return session.execute(SELECTED.where(diagnoses.c.referral_id == referral_id)).first()


def add(session: Session, vault: Vault, row: Any, one: Note, role: str, org: str) -> None:
    """Seal the note by the key in `row`."""
    key = vault.key_of(row.child_id, row.key_version, row.wrapped)
    values = {
        "note_id": one.note_id, "referral_id": one.referral_id, "child_id": one.child_id, "role": role, "org": org,
        "author": one.author, "written_at": to_ms(one.written_at),
        "sealed": key.seal(Purpose.NOTE, one.referral_id, one.text.encode()),
    }  # fmt: skip
    session.execute(insert(notes).values(values))


def note_of(vault: Vault, row: Any) -> Note:
    """The note in a row of `SEALED_NOTES`."""
    key = vault.key_of(row.child_id, row.key_version, row.wrapped)
    text = key.open(Purpose.NOTE, row.referral_id, row.sealed).decode()
    return Note(row.note_id, row.referral_id, row.child_id, row.author, from_ms(row.written_at), text)


def _has_polyclinic(reader: Holder, row: Any) -> bool:
    return Role.POLYCLINIC in reader.roles and bool(reader.org) and row.polyclinic_id == reader.org


def _may_read(reader: Holder, row: Any, *, has_it: bool) -> ColumnElement[bool]:
    if _has_polyclinic(reader, row):
        return true()
    of_centers = notes.c.role == Role.CENTER.value
    own = of_centers & (notes.c.org == reader.org)
    if Role.CENTER not in reader.roles or not reader.org or row.withdrawn_at is not None:
        return ~true()
    return or_(own, ~of_centers) if has_it else own
