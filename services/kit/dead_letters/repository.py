"""The dead-letter repository: consumers store in a service's database what operators then decide."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session
from uuid_utils.compat import uuid7

from services.kit.dead_letters.dead_letter import LARGEST, DeadLetter, DeadLetterAction, DeadLetterState
from services.kit.errors import TransientError
from services.kit.http.problems import Problem
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.sql.database import Database

KEEP = timedelta(days=90)
"""How long a settled or discarded letter is stored: longer than any outbox can publish its message again."""


class UnknownDeadLetter(Problem):
    """There is no dead letter with this id."""

    def __init__(self, id: str) -> None:
        super().__init__(404, "not_found", f"There is no dead letter {id} here.")


class WrongState(Problem):
    """The dead letter's state does not allow this action."""

    def __init__(self, letter: DeadLetter, action: DeadLetterAction) -> None:
        why = "was too large to be stored" if letter.too_large else f"is {letter.state}"
        extra = {"state": letter.state, "allowed_actions": letter.allowed_actions}
        super().__init__(409, "illegal_transition", f"The dead letter {why}: {action} is not possible.", extra=extra)


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """A page of letters; `total` counts the whole list."""

    items: Sequence[DeadLetter]
    total: int
    more: bool


def _storable(text: str) -> str:
    """`text` as every database takes it: bounded, without NUL and lone surrogates."""
    return text[:1000].encode("utf-8", "replace").decode().replace("\x00", "")


@dataclass(frozen=True)
class DeadLetterRepository:
    """Each call is one transaction; all raise TransientError when the database fails."""

    database: Database
    rows: Table
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def store(self, consumer: str, message: ConsumedRecord, reason: str) -> bool:
        """Store a failed message, or count another failure of a stored one; True for the latter."""
        rows = self.rows

        def known(session: Session, id: str, state: str) -> None:
            session.execute(update(rows).where(rows.c.id == id).values(
                state=DeadLetterState.OPEN if state == DeadLetterState.SETTLED else state, times=rows.c.times + 1,
                partition=message.partition, offset=message.offset, reason=_storable(reason), last_at=self.clock(),
            ))  # fmt: skip

        return await self._put(consumer, message, known, reason=_storable(reason), state=DeadLetterState.OPEN)

    async def park(self, consumer: str, message: ConsumedRecord, reason: str) -> None:
        """Store an early message, to be retried; a stored one is left as it is, unless it was settled.

        The letter of a message that is too large to be stored is open, since it cannot be retried.
        """
        rows, retried = self.rows, message.size <= LARGEST
        state = DeadLetterState.RETRYING if retried else DeadLetterState.OPEN
        values = {"reason": _storable(reason), "state": state, "due_at": self.clock() if retried else None}

        def known(session: Session, id: str, _: str) -> None:
            settled = (rows.c.id == id) & (rows.c.state == DeadLetterState.SETTLED)
            session.execute(update(rows).where(settled).values(values | {"tries": 0, "first_at": self.clock()}))

        await self._put(consumer, message, known, **values)

    async def _put(
        self, consumer: str, message: ConsumedRecord, known: Callable[[Session, str, str], None], **values: Any
    ) -> bool:
        """Insert a row, or call `known` with id and state of the message's own; True for the latter."""
        rows, now = self.rows, self.clock()
        here = (rows.c.consumer == consumer) & (rows.c.topic == message.topic) & (rows.c.digest == message.digest)
        content = {"key": message.key, "value": message.value} if message.size <= LARGEST else {}

        def work(session: Session) -> bool:
            if found := session.execute(select(rows.c.id, rows.c.state).where(here).with_for_update()).first():
                known(session, found.id, found.state)
                return True
            session.execute(insert(rows).values(
                id=str(uuid7()), consumer=consumer, topic=message.topic, partition=message.partition,
                offset=message.offset, digest=message.digest, size=message.size, first_at=now, last_at=now, times=1,
                tries=0, **values, **content,
            ))  # fmt: skip
            return False

        try:
            return await self.database.write(work)
        except IntegrityError as error:
            raise TransientError("another process stored this dead letter") from error

    async def page(self, state: DeadLetterState, after: str, limit: int) -> DeadLetterPage:
        """Up to `limit` letters in `state` behind the id `after`, the oldest first, without their values."""
        rows = self.rows
        columns = [column for column in rows.c if column is not rows.c.value]
        query = select(*columns).where(rows.c.state == state, rows.c.id > after).order_by(rows.c.id).limit(limit + 1)
        count = select(func.count()).select_from(rows).where(rows.c.state == state)

        def work(session: Session) -> DeadLetterPage:
            found = [DeadLetter(**row._mapping, value=None) for row in session.execute(query)]
            return DeadLetterPage(found[:limit], session.execute(count).scalar_one(), len(found) > limit)

        return await self.database.read(work)

    async def find(self, id: str) -> DeadLetter:
        """Raises UnknownDeadLetter."""
        return await self.database.read(lambda session: self._find(session, id))

    def _find(self, session: Session, id: str) -> DeadLetter:
        row = session.execute(select(self.rows).where(self.rows.c.id == id)).first()
        if row is None:
            raise UnknownDeadLetter(id)
        return DeadLetter(**row._mapping)

    async def retry(self, id: str, who: str) -> DeadLetter:
        """Set a letter to be retried; one that is retrying or settled is unchanged, so there is no second effect.

        Raises UnknownDeadLetter and WrongState.
        """
        repeated = (DeadLetterState.RETRYING, DeadLetterState.SETTLED)
        values = {"state": DeadLetterState.RETRYING, "tries": 0, "due_at": self.clock(), "note": None}
        return await self._decide(id, who, DeadLetterAction.RETRY, repeated, values)

    async def discard(self, id: str, who: str, note: str) -> DeadLetter:
        """Discard a letter; repeating it changes nothing. Raises UnknownDeadLetter and WrongState."""
        values = {"state": DeadLetterState.DISCARDED, "note": note}
        return await self._decide(id, who, DeadLetterAction.DISCARD, (DeadLetterState.DISCARDED,), values)

    async def _decide(
        self, id: str, who: str, action: DeadLetterAction, repeated: Sequence[str], values: dict[str, Any]
    ) -> DeadLetter:
        def work(session: Session) -> DeadLetter:
            letter = self._find(session, id)
            if letter.state in repeated:
                return letter
            if action not in letter.allowed_actions:
                raise WrongState(letter, action)
            decision = values | {"decided_by": who[:120], "decided_at": self.clock()}
            if not self._update(session, letter, **decision):
                raise TransientError("another process changed this dead letter")
            return self._find(session, id)

        return await self.database.write(work)

    def _update(self, session: Session, letter: DeadLetter, **values: Any) -> bool:
        """Update the letter's row; False when it has changed since it was read."""
        rows = self.rows
        due = rows.c.due_at.is_not_distinct_from(letter.due_at)
        same = (rows.c.id == letter.id) & (rows.c.state == letter.state) & due
        return bool(session.execute(update(rows).where(same).values(values)).rowcount)  # type: ignore[attr-defined]

    async def counts(self, consumer: str) -> dict[DeadLetterState, int]:
        """How many letters of `consumer` are open, and how many are retrying."""
        rows, states = self.rows, (DeadLetterState.OPEN, DeadLetterState.RETRYING)
        query = select(rows.c.state, func.count()).where(rows.c.state.in_(states), rows.c.consumer == consumer)
        found = await self.database.read(lambda s: s.execute(query.group_by(rows.c.state)).all())
        return dict.fromkeys(states, 0) | {DeadLetterState(state): number for state, number in found}

    async def next_due(self, consumer: str, reserved_for: timedelta) -> DeadLetter | None:
        """The letter of `consumer` that is due first, reserved for this process; None when none is due."""
        rows, now = self.rows, self.clock()
        query = (
            select(rows.c.id)
            .where(rows.c.state == DeadLetterState.RETRYING, rows.c.consumer == consumer, rows.c.due_at <= now)
            .order_by(rows.c.due_at, rows.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )

        def work(session: Session) -> DeadLetter | None:
            id = session.execute(query).scalar()
            if id is None:
                return None
            mine = self._update(session, self._find(session, id), due_at=now + reserved_for)
            return self._find(session, id) if mine else None

        return await self.database.write(work)

    async def settle(self, letter: DeadLetter) -> None:
        """End a retry that succeeded."""
        await self._end_retry(letter, state=DeadLetterState.SETTLED, due_at=None)

    async def reopen(self, letter: DeadLetter, reason: str) -> None:
        """End a retry that was refused: an operator must decide again."""
        failed = {"reason": _storable(reason), "last_at": self.clock(), "times": self.rows.c.times + 1}
        await self._end_retry(letter, state=DeadLetterState.OPEN, due_at=None, **failed)

    async def postpone(self, letter: DeadLetter, pause: timedelta, reason: str) -> None:
        """Put off a retry that may succeed later."""
        due_at = self.clock() + pause
        await self._end_retry(letter, tries=letter.tries + 1, due_at=due_at, reason=_storable(reason))

    async def _end_retry(self, letter: DeadLetter, **values: Any) -> None:
        await self.database.write(lambda session: self._update(session, letter, **values))

    async def trim(self) -> None:
        """Delete what was settled or discarded long ago; an open letter is stored for ever."""
        rows, ended, before = self.rows, (DeadLetterState.SETTLED, DeadLetterState.DISCARDED), self.clock() - KEEP
        decided = func.coalesce(rows.c.decided_at, rows.c.last_at)  # a parked message is settled without a decision
        old = (rows.c.state.in_(ended)) & (decided < before) & (rows.c.last_at < before)
        await self.database.write(lambda session: session.execute(delete(rows).where(old)))
