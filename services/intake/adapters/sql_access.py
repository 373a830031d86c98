"""The access rules in SQL: the newest step of each referral, and its inbox."""

import time
from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.intake.adapters.tables import access, answered, diagnoses, inbox
from services.intake.handlers.follow import Step
from services.kit.errors import TransientError
from services.kit.sql.database import Database

CONSUMER = "intake.access"
_DAY_MS = 86_400_000
INBOX_MS = 45 * _DAY_MS
"""Longer than any outbox can publish again (30 days)."""
ANSWERED_MS = 30 * _DAY_MS
"""How long an idempotency key gets its first answer."""


class SqlAccessRules:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def follow(self, steps: Sequence[Step]) -> None:
        """Raises TransientError when the database fails, or another consumer takes the same events now."""
        try:
            await self._database.write(lambda session: _follow(session, steps))
        except IntegrityError as error:
            raise TransientError("database: another consumer took one of these events") from error

    async def trim(self) -> None:
        """Forget what will not be asked for again."""
        now = int(time.time() * 1000)

        def work(session: Session) -> None:
            inbox.trim(session, now - INBOX_MS)
            session.execute(answered.delete().where(answered.c.answered_at < now - ANSWERED_MS))

        await self._database.write(work)


def _follow(session: Session, steps: Sequence[Step]) -> None:
    unseen = inbox.unseen(session, CONSUMER, {step.event_id for step in steps})
    inbox.record(session, CONSUMER, unseen)
    newest: dict[object, Step] = {}
    for step in steps:
        if step.event_id in unseen and step.version > getattr(newest.get(step.referral_id), "version", -1):
            newest[step.referral_id] = step
    _apply(session, list(newest.values()))


def _apply(session: Session, steps: Sequence[Step]) -> None:
    query = select(access.c.referral_id, access.c.version).where(
        access.c.referral_id.in_([step.referral_id for step in steps])
    )
    versions = {referral_id: version for referral_id, version in session.execute(query)}
    rows = [
        {"id": s.referral_id, "version": s.version, "state": s.state.value, "center_id": s.center_id}
        for s in steps
        if s.version > versions.get(s.referral_id, -1)
    ]
    if old := [row for row in rows if row["id"] in versions]:
        here = access.c.referral_id == bindparam("id")
        session.connection().execute(
            update(access).where(here).values(
                version=bindparam("version"), state=bindparam("state"), center_id=bindparam("center_id")
            ),
            old,
        )  # fmt: skip
    if new := [{"referral_id": row["id"], **row} for row in rows if row["id"] not in versions]:
        session.execute(insert(access), [{k: v for k, v in row.items() if k != "id"} for row in new])
    if closed := [s.referral_id for s in steps if s.closed]:
        session.execute(update(diagnoses).where(diagnoses.c.referral_id.in_(closed)).values(open_iin=None))
