"""The record of submissions in SQL: a batch is one transaction, with one statement a table."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.intake.adapters.sql_diagnoses import ids_of
from services.intake.adapters.sql_keys import SqlKeys
from services.intake.adapters.submission_batch import Batch, read_answers, recorded_of, replayed
from services.intake.adapters.tables import diagnoses
from services.intake.handlers.drafts import Draft, IdempotencyKey
from services.intake.handlers.outcomes import Outcome, Recorded
from services.intake.handlers.vault import ChildKey
from services.kit.audit import TRAIL, Entry
from services.kit.errors import Conflict, TransientError
from services.kit.sql.database import Database

TOGETHER = 3
"""How often a batch is tried before each of its submissions is tried alone."""
RACES = 10
"""How often one submission is tried again when others commit the same child or key at the same moment."""


class SqlSubmissions:
    """Submissions on the tables of intake. `bind` seals a draft by the key of a known child."""

    def __init__(self, database: Database, keys: SqlKeys, bind: Callable[[Draft, ChildKey], None]) -> None:
        self._database, self._keys, self._bind = database, keys, bind

    async def record(self, drafts: Sequence[Draft], closed: frozenset[UUID] = frozenset()) -> list[Outcome]:
        """One outcome a draft, in order, committed. Raises TransientError when the database fails, KeysRefused."""
        await self._keys.ready()
        for _ in range(TOGETHER):
            try:
                return await self._database.write(lambda session: self._record(session, drafts, closed))
            except (IntegrityError, Conflict):  # another process has committed one of them: look again
                continue
        return [await self._record_alone(draft, closed) for draft in drafts]

    async def _record_alone(self, draft: Draft, closed: frozenset[UUID]) -> Outcome:
        for _ in range(RACES):
            if await self._database.read(lambda session: _is_recorded(session, draft)):
                return recorded_of(draft)  # an earlier try was committed, but its answer was lost
            try:
                return (await self._database.write(lambda session: self._record(session, [draft], closed)))[0]
            except (IntegrityError, Conflict):
                continue
        raise TransientError("database: too many writers of one child")

    async def replay(self, key: IdempotencyKey) -> Outcome | None:
        """The outcome of the first request that recorded something under `key`, if there was one."""
        await self._keys.ready()
        found, _ = await self._database.read(lambda session: read_answers(session, key.key.values()))
        return replayed(found, key)

    async def siblings(self, referral_ids: Collection[UUID]) -> set[UUID]:
        theirs = select(diagnoses.c.child_id).where(diagnoses.c.referral_id.in_(referral_ids))
        still_open = or_(diagnoses.c.open_iin.is_not(None), diagnoses.c.open_likeness.is_not(None))
        query = select(diagnoses.c.referral_id).where(diagnoses.c.child_id.in_(theirs), still_open)
        return {*referral_ids, *await self._database.read(lambda session: session.execute(query).scalars().all())}

    async def audit_refusals(self, referral_ids: Collection[UUID]) -> None:
        refused = select(diagnoses.c.child_id, diagnoses.c.referral_id).where(diagnoses.c.referral_id.in_(referral_ids))
        rows = await self._database.read(lambda session: session.execute(refused).all())
        if trail := TRAIL.get():
            about = ({name: str(id) for name, id in ids_of(row).items()} for row in rows)
            await self._database.enter(*(trail.entry("open_referral", one) for one in about))

    def _record(self, session: Session, drafts: Sequence[Draft], closed: frozenset[UUID]) -> list[Outcome]:
        batch = Batch(session, drafts, closed, self._keys, self._bind)
        outcomes = [batch.judge(draft) for draft in drafts]
        batch.write()
        if self._database.audit:
            self._database.audit(
                session, [entry for one in zip(drafts, outcomes, strict=True) if (entry := _entry(*one))]
            )
        return outcomes


def _entry(draft: Draft, outcome: Outcome) -> Entry | None:
    """What was recorded; a replayed answer has told nothing new, and refusals are entered when they are final."""
    if draft.trail is None or not isinstance(outcome, Recorded) or outcome.replayed:
        return None
    return draft.trail.entry("", {"child_id": str(outcome.child_id), "referral_id": str(outcome.referral_id)})


def _is_recorded(session: Session, draft: Draft) -> bool:
    mine = select(diagnoses.c.child_id).where(diagnoses.c.referral_id == draft.referral_id)
    return session.execute(mine).first() is not None
