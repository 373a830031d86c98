"""Notes that an earlier release left in the clear in the referral service's history: sealed here, and deleted there."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Integer, MetaData, Table, Text, select, update
from sqlmodel import Column, Session, String

from services.contracts.vocabulary import Role
from services.intake.adapters.sql_keys import SqlKeys
from services.intake.adapters.sql_notes import add, locked
from services.intake.adapters.tables import notes
from services.intake.handlers.notes import Note
from services.kit.sql.columns import Instant
from services.kit.sql.database import Database

BATCH = 100
_history = Table(
    "history",
    MetaData(),
    Column("referral_id", String(36), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", Instant),
    Column("actor", String(120)),
    Column("note", Text),
    Column("note_id", String(36)),
)


class OldNotes:
    """Moves them in batches; ended at any moment, the next run goes on. Notes have ids of their place in the history.

    A note of an erased child, or of a referral that intake does not have, is deleted.
    """

    def __init__(self, database: Database, keys: SqlKeys, referral: Database) -> None:
        self._database, self._keys, self._referral = database, keys, referral

    async def move(self) -> int:
        """How many were moved or deleted by this call; 0 when none is left."""
        await self._keys.ready()
        query = select(_history).where(_history.c.note.is_not(None)).limit(BATCH)
        rows = await self._referral.read(lambda session: session.execute(query).all())
        sealed = await self._database.write(lambda session: self._seal(session, rows))
        await self._referral.write(lambda session: _clear(session, rows, sealed))
        return len(rows)

    def _seal(self, session: Session, rows: Sequence[Any]) -> frozenset[UUID]:
        """The ids of those that are sealed, now or by an earlier run."""
        self._keys.require(session)
        ids = {_id(row): row for row in rows}
        known = set(session.execute(select(notes.c.note_id).where(notes.c.note_id.in_(ids))).scalars())
        for id, row in ids.items():
            if id in known or (diagnosis := locked(session, self._keys, UUID(row.referral_id))) is None:
                continue
            role, _, who = row.actor.partition(":")
            org = who.partition("/")[0] if role in (Role.CENTER, Role.POLYCLINIC) else ""
            one = Note(id, diagnosis.referral_id, diagnosis.child_id, row.actor, row.at, row.note)
            add(session, self._keys.vault, diagnosis, one, role, org)
            known.add(id)
        return frozenset(known)


def _id(row: Any) -> UUID:
    return uuid5(UUID(row.referral_id), f"note {row.version}")


def _clear(session: Session, rows: Sequence[Any], sealed: frozenset[UUID]) -> None:
    for row in rows:
        place = (_history.c.referral_id == row.referral_id) & (_history.c.version == row.version)
        id = str(_id(row)) if _id(row) in sealed else None
        session.execute(update(_history).where(place).values(note=None, note_id=id))
