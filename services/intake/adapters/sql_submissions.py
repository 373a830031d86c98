"""Submissions in SQL: a batch is one transaction, with one statement a table."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts.topics import DIAGNOSES
from services.contracts.vocabulary import Priority
from services.intake.adapters.tables import answered, children, diagnoses, outbox
from services.intake.handlers.drafts import Draft, IdempotencyKey
from services.intake.handlers.outcomes import KeyReused, OpenReferralExists, Outcome, Recorded
from services.kit.errors import Conflict, TransientError
from services.kit.sql.database import Database
from services.kit.sql.outbox import Message

TOGETHER = 3
"""How often a batch is tried as one before each of its submissions is tried alone."""
RACES = 10
"""How often one submission is tried again when others commit the same child or key at the same moment."""
_ACCEPTED, _CONFLICT = 201, 409
# Statements are put together once: that costs more than running them.
_FIND_CHILDREN = (
    select(children.c.iin_index, children.c.child_id, diagnoses.c.referral_id)
    .outerjoin(diagnoses, diagnoses.c.open_iin == children.c.iin_index)
    .where(children.c.iin_index.in_(bindparam("indexes", expanding=True)))
)
_FIND_ANSWERS = (
    select(answered, diagnoses.c.child_id, diagnoses.c.priority, diagnoses.c.submitted_at)
    .join(diagnoses, diagnoses.c.referral_id == answered.c.referral_id)
    .where(answered.c.key_digest.in_(bindparam("keys", expanding=True)))
)
_ADD_CHILDREN, _ADD_DIAGNOSES, _ADD_ANSWERS = insert(children), insert(diagnoses), insert(answered)


class SqlSubmissions:
    """`bind` makes a draft one of a child that is known already."""

    def __init__(self, database: Database, bind: Callable[[Draft, UUID], None]) -> None:
        self._database, self._bind = database, bind

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome a draft, in order, committed. Raises TransientError when the database fails."""
        for _ in range(TOGETHER):
            try:
                return await self._database.write(lambda session: self._record(session, drafts))
            except (IntegrityError, Conflict):  # another process was faster with one of them: look again
                continue
        return [await self._record_alone(draft) for draft in drafts]

    async def _record_alone(self, draft: Draft) -> Outcome:
        for _ in range(RACES):
            if await self._database.read(lambda session: _is_recorded(session, draft)):
                return _recorded(draft)  # an earlier try was committed, though its answer was lost
            try:
                return (await self._database.write(lambda session: self._record(session, [draft])))[0]
            except (IntegrityError, Conflict):
                continue
        raise TransientError("database: too many writers of one child")

    async def replay(self, key: IdempotencyKey) -> Outcome | None:
        """The first answer to `key`, if there was one."""
        found = await self._database.read(lambda session: _answers(session, [key.key]))
        return _replayed(found[key.key], key) if key.key in found else None

    def _record(self, session: Session, drafts: Sequence[Draft]) -> list[Outcome]:
        batch = _Batch(session, drafts)
        outcomes = [self._judge(batch, draft) for draft in drafts]
        batch.write()
        return outcomes

    def _judge(self, batch: "_Batch", draft: Draft) -> Outcome:
        key = draft.idempotency
        if key is not None and key.key in batch.answers:
            return _replayed(batch.answers[key.key], key)
        child_id, open_referral = batch.known.get(draft.iin_index, (None, None)) if draft.iin_index else (None, None)
        if open_referral == draft.referral_id:
            return _recorded(draft)
        if open_referral is not None:
            return batch.refuse(draft, open_referral)
        if child_id is not None:
            self._bind(draft, child_id)
        return batch.take(draft, new_child=child_id is None)


class _Batch:
    """What is known before the first of some drafts, and the rows that they become."""

    def __init__(self, session: Session, drafts: Sequence[Draft]) -> None:
        self.session = session
        self.known = _known(session, [d.iin_index for d in drafts if d.iin_index])
        self.answers = _answers(session, [d.idempotency.key for d in drafts if d.idempotency])
        self.children: list[dict[str, Any]] = []
        self.diagnoses: list[dict[str, Any]] = []
        self.events: list[Message] = []
        self.new_answers: list[dict[str, Any]] = []

    def take(self, draft: Draft, *, new_child: bool) -> Recorded:
        at = to_ms(draft.submitted_at)
        if new_child:
            self.children.append({"child_id": draft.child_id, "iin_index": draft.iin_index, "created_at": at})
        self.diagnoses.append(
            {
                "referral_id": draft.referral_id,
                "child_id": draft.child_id,
                "polyclinic_id": draft.polyclinic_id,
                "submitted_at": at,
                "priority": draft.priority.value,
                "open_iin": draft.iin_index,
                "sealed": draft.sealed,
            }
        )
        self.events.append(Message(name := str(draft.referral_id), DIAGNOSES, name, draft.event))
        if draft.iin_index:
            self.known[draft.iin_index] = (draft.child_id, draft.referral_id)
        taken = _recorded(draft)
        self._remember(draft, _ACCEPTED, draft.referral_id, taken)
        return taken

    def refuse(self, draft: Draft, open_referral: UUID) -> OpenReferralExists:
        refused = OpenReferralExists(open_referral)
        self._remember(draft, _CONFLICT, open_referral, refused)
        return refused

    def _remember(self, draft: Draft, status: int, referral_id: UUID, outcome: Recorded | OpenReferralExists) -> None:
        if (key := draft.idempotency) is None:
            return
        self.answers[key.key] = (key.body, outcome)
        self.new_answers.append(
            {
                "key_digest": key.key,
                "body_digest": key.body,
                "status": status,
                "referral_id": referral_id,
                "answered_at": to_ms(draft.submitted_at),
            }
        )

    def write(self) -> None:
        connection = self.session.connection()
        for statement, rows in (
            (_ADD_CHILDREN, self.children),
            (_ADD_DIAGNOSES, self.diagnoses),
            (_ADD_ANSWERS, self.new_answers),
        ):
            if rows:
                connection.execute(statement, rows)
        outbox.add(self.session, self.events)


def _recorded(draft: Draft) -> Recorded:
    return Recorded(draft.referral_id, draft.child_id, draft.priority, draft.submitted_at)


def _is_recorded(session: Session, draft: Draft) -> bool:
    return (
        session.execute(select(diagnoses.c.child_id).where(diagnoses.c.referral_id == draft.referral_id)).first()
        is not None
    )


def _known(session: Session, indexes: Sequence[bytes]) -> dict[bytes, tuple[UUID, UUID | None]]:
    """Child id, and open referral if there is one, of each IIN index that is known."""
    if not indexes:
        return {}
    rows = session.connection().execute(_FIND_CHILDREN, {"indexes": indexes})
    return {index: (child_id, referral_id) for index, child_id, referral_id in rows}


def _answers(session: Session, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, Recorded | OpenReferralExists]]:
    """Body digest and outcome of each idempotency key that was answered before."""
    if not keys:
        return {}
    rows = session.connection().execute(_FIND_ANSWERS, {"keys": keys})
    return {row.key_digest: (row.body_digest, _outcome(row)) for row in rows}


def _outcome(row: Any) -> Recorded | OpenReferralExists:
    if row.status == _CONFLICT:
        return OpenReferralExists(row.referral_id)
    return Recorded(row.referral_id, row.child_id, Priority(row.priority), from_ms(row.submitted_at))


def _replayed(answer: tuple[bytes, Recorded | OpenReferralExists], key: IdempotencyKey) -> Outcome:
    body, outcome = answer
    return replace(outcome, replayed=True) if body == key.body else KeyReused()


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
