"""The dead letters of one service's database: written by its consumers, read and decided by operators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session
from uuid_utils.compat import uuid7

from services.kit.dead_letters.dead_letter import (
    LARGEST,
    DeadLetter,
    DeadLetterAction,
    DeadLetterState,
    DeadLetterTable,
)
from services.kit.errors import TransientError
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.sql.database import Database

KEEP = timedelta(days=90)
"""How long a letter that is settled or discarded is kept: longer than any outbox may publish it again."""
PUT_BACK = {DeadLetterState.SETTLED: DeadLetterState.OPEN}
"""What the state becomes when a known message fails again, where it changes: what was settled is a fault once more.

An open letter stays open. A discarded one stays discarded, because its message has been decided on. One that is being
tried again is left to its retry.
"""


class UnknownDeadLetter(Exception):
    """No such letter here."""


class WrongState(Exception):
    """The letter's state does not allow this action."""

    def __init__(self, letter: DeadLetter, action: DeadLetterAction) -> None:
        why = "was too large to be kept" if letter.left_out else f"is {letter.state}"
        super().__init__(f"The dead letter {why}: {action} is not possible.")
        self.letter = letter


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """A page; `total` counts the whole list."""

    items: Sequence[DeadLetter]
    total: int
    more: bool


def _now() -> datetime:
    return datetime.now(UTC)


def _text(words: str) -> str:
    """`words` as any database takes them: not endless, without NUL and without halves of characters."""
    return words[:1000].encode("utf-8", "replace").decode().replace("\x00", "")


@dataclass(frozen=True)
class DeadLetterRepository:
    """Each call is one transaction; all raise TransientError when the database fails."""

    database: Database
    table: DeadLetterTable
    clock: Callable[[], datetime] = _now

    async def record(self, consumer: str, message: ConsumedRecord, reason: str) -> bool:
        """Keep a message that failed, durably; whether it was a letter before (its count goes up then)."""
        try:
            return await self.database.write(lambda s: self._record(s, consumer, message, _text(reason)))
        except IntegrityError as error:
            raise TransientError("another process recorded this dead letter") from error

    def _record(self, session: Session, consumer: str, message: ConsumedRecord, reason: str) -> bool:
        rows, now = self.table.rows, self.clock()
        here = (rows.c.consumer == consumer) & (rows.c.topic == message.topic) & (rows.c.digest == message.digest)
        known = session.execute(select(rows.c.id, rows.c.state).where(here).with_for_update()).first()
        lay = {"partition": message.partition, "offset": message.offset, "reason": reason, "last_at": now}
        if known:
            state = PUT_BACK.get(DeadLetterState(known.state), known.state)
            times = rows.c.times + 1
            session.execute(update(rows).where(rows.c.id == known.id).values(**lay, state=state, times=times))
            return True
        kept = {"key": message.key, "value": message.value} if message.size <= LARGEST else {}
        session.execute(insert(rows).values(
            id=str(uuid7()), consumer=consumer, topic=message.topic, digest=message.digest, size=message.size,
            first_at=now, times=1, state=DeadLetterState.OPEN, tries=0, **lay, **kept,
        ))  # fmt: skip
        return False

    async def page(self, state: DeadLetterState, after: str, limit: int) -> DeadLetterPage:
        """Up to `limit` letters in `state` whose id is behind `after`, the oldest first; their values are left out."""
        rows = self.table.rows
        columns = [rows.c[one.name] for one in fields(DeadLetter) if one.name != "value"]
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
        rows = self.table.rows
        row = session.execute(select(*(rows.c[one.name] for one in fields(DeadLetter))).where(rows.c.id == id)).first()
        if row is None:
            raise UnknownDeadLetter(id)
        return DeadLetter(**row._mapping)

    async def retry(self, id: str, who: str) -> DeadLetter:
        """To be tried again, as soon as its consumer gets to it. Raises UnknownDeadLetter and WrongState.

        One that is being tried, or had its effect, is answered as it is: there is never a second effect.
        """
        repeated = (DeadLetterState.RETRYING, DeadLetterState.SETTLED)
        values = {"state": DeadLetterState.RETRYING, "tries": 0, "due_at": self.clock(), "note": None}
        return await self._decide(id, who, DeadLetterAction.RETRY, repeated, values)

    async def discard(self, id: str, who: str, note: str) -> DeadLetter:
        """Shall have no effect. Raises UnknownDeadLetter and WrongState; discarding it twice is discarding it once."""
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
            if not self._change(session, letter, **decision):
                raise TransientError("the dead letter has changed meanwhile")
            return self._find(session, id)

        return await self.database.write(work)

    def _change(self, session: Session, letter: DeadLetter, **values: Any) -> bool:
        """Unless somebody has changed it since it was read."""
        rows = self.table.rows
        same = (
            (rows.c.id == letter.id)
            & (rows.c.state == letter.state)
            & rows.c.due_at.is_not_distinct_from(letter.due_at)
        )
        return bool(session.execute(update(rows).where(same).values(values)).rowcount)  # type: ignore[attr-defined]

    async def counts(self, consumer: str) -> dict[DeadLetterState, int]:
        """How many letters of `consumer` are open, and how many are being tried again."""
        rows, states = self.table.rows, (DeadLetterState.OPEN, DeadLetterState.RETRYING)
        query = select(rows.c.state, func.count()).where(rows.c.state.in_(states), rows.c.consumer == consumer)
        found = await self.database.read(lambda s: s.execute(query.group_by(rows.c.state)).all())
        return dict.fromkeys(states, 0) | {DeadLetterState(state): number for state, number in found}

    async def take(self, consumer: str, within: timedelta) -> DeadLetter | None:
        """The next letter of `consumer` to be tried, which nobody else takes for so long."""
        rows, now = self.table.rows, self.clock()
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
            mine = self._change(session, self._find(session, id), due_at=now + within)
            return self._find(session, id) if mine else None

        return await self.database.write(work)

    async def settle(self, letter: DeadLetter) -> None:
        """A retry had its effect."""
        await self._close(letter, state=DeadLetterState.SETTLED, due_at=None)

    async def put_back(self, letter: DeadLetter, reason: str) -> None:
        """A retry was refused: somebody must decide again."""
        failed = {"reason": _text(reason), "last_at": self.clock(), "times": self.table.rows.c.times + 1}
        await self._close(letter, state=DeadLetterState.OPEN, due_at=None, **failed)

    async def postpone(self, letter: DeadLetter, pause: timedelta, reason: str) -> None:
        """A retry may pass later."""
        await self._close(letter, tries=letter.tries + 1, due_at=self.clock() + pause, reason=_text(reason))

    async def _close(self, letter: DeadLetter, **values: Any) -> None:
        await self.database.write(lambda session: self._change(session, letter, **values))

    async def trim(self) -> None:
        """Forget what was decided long ago; what is open stays for ever."""
        rows, ended = self.table.rows, (DeadLetterState.SETTLED, DeadLetterState.DISCARDED)
        old = (
            (rows.c.state.in_(ended))
            & (rows.c.decided_at < self.clock() - KEEP)
            & (rows.c.last_at < self.clock() - KEEP)
        )
        await self.database.write(lambda session: session.execute(delete(rows).where(old)))
