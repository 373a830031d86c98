"""The access rules in SQL, with the inbox of their consumer."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts.vocabulary import CLOSED
from services.intake.adapters.tables import access, answered, children, diagnoses, inbox
from services.intake.handlers.update_access import AccessChange
from services.kit.errors import TransientError
from services.kit.sql.database import Database

CONSUMER = "intake.access"
_DAY_MS = 86_400_000
INBOX_MS = 45 * _DAY_MS
"""Longer than any outbox can publish again (30 days)."""
ANSWERED_MS = 30 * _DAY_MS
"""How long an idempotency key gets its first answer."""


class SqlAccessRules:
    """AccessRules on the tables `access` and `diagnosis`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def follow(self, changes: Sequence[AccessChange]) -> None:
        """Raises TransientError when the database fails, or another consumer processes the same events now."""
        try:
            await self._database.write(lambda session: _follow(session, changes))
        except IntegrityError as error:
            raise TransientError("database: another consumer processed one of these events") from error

    async def trim(self) -> None:
        """Delete old rows of the inbox and old answers to idempotency keys."""
        now = int(time.time() * 1000)

        def work(session: Session) -> None:
            inbox.trim(session, now - INBOX_MS)
            session.execute(answered.delete().where(answered.c.answered_at < now - ANSWERED_MS))

        await self._database.write(work)


def _follow(session: Session, changes: Sequence[AccessChange]) -> None:
    unseen = inbox.unseen(session, CONSUMER, {one.event_id for one in changes})
    inbox.record(session, CONSUMER, unseen)
    in_order = sorted((one for one in changes if one.event_id in unseen), key=lambda one: one.version)
    newest = {one.referral_id: one for one in in_order}.values()
    rows = [
        {"referral_id": one.referral_id, "version": one.version, "state": one.state.value, "center_id": one.center_id}
        for one in newest
    ]
    if rows:
        session.connection().execute(_upsert(session), rows)
    if closed := [one.referral_id for one in newest if one.closed]:
        session.execute(
            update(diagnoses).where(diagnoses.c.referral_id.in_(closed)).values(open_iin=None, open_likeness=None)
        )
        _reopen(session, closed)


def _reopen(session: Session, closed: Sequence[UUID]) -> None:
    """The one that was to end by a join is the child's open one when the one that was to stay has closed before it."""
    theirs = select(diagnoses.c.child_id).where(diagnoses.c.referral_id.in_(closed))
    query = select(diagnoses.c.referral_id, diagnoses.c.child_id, diagnoses.c.ended_by_join, children.c.iin_index)
    query = query.join(children).where(diagnoses.c.child_id.in_(theirs), ~closed_by_event())
    rows = session.execute(query.order_by(diagnoses.c.ended_by_join.desc(), diagnoses.c.submitted_at.desc()))
    for row in {row.child_id: row for row in rows}.values():
        if row.ended_by_join:
            one = update(diagnoses).where(diagnoses.c.referral_id == row.referral_id)
            session.execute(one.values(ended_by_join=False, open_iin=row.iin_index))


def closed_by_event() -> ColumnElement[bool]:
    """Whether a diagnosis' referral has closed, as its events say."""
    closed = select(access.c.referral_id).where(access.c.referral_id == diagnoses.c.referral_id)
    return closed.where(access.c.state.in_(CLOSED)).exists()


def _upsert(session: Session) -> Any:
    """Of two changes to a referral the one with the higher version stands."""
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[session.get_bind().dialect.name](access)
    newer = {name: insert.excluded[name] for name in ("version", "state", "center_id")}
    older = access.c.version < insert.excluded.version
    return insert.on_conflict_do_update(index_elements=["referral_id"], set_=newer, where=older)
