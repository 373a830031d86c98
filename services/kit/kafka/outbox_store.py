"""The outbox in SQL as the relay's store."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Integer, Select, Update, bindparam, delete, insert, select, update
from sqlmodel import Session

from services.kit.errors import LeaseLost
from services.kit.metrics import outbox_oldest, outbox_pending
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from services.kit.sql.commits import Commits, commits_to
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from services.kit.sql.outbox import Outbox

KEEP_MS = 30 * 86_400_000
"""How long acknowledged events are stored, and can be published again."""
MEASURE_EVERY, TRIM_EVERY = 10.0, 3600.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class _Statements:
    """Built once: building them costs a relay more than running them."""

    pending: Select[Any]
    range_done: Update
    done: Update
    moved: Update

    @classmethod
    def of(cls, outbox: Outbox) -> "_Statements":
        rows, checkpoints = outbox.rows, outbox.checkpoints
        columns = rows.c.sequence, rows.c.topic, rows.c.key, rows.c.payload, rows.c.event_id
        waiting = select(*columns).where(rows.c.acknowledged_at.is_(None)).order_by(rows.c.sequence)
        acknowledged = update(rows).values(acknowledged_at=bindparam("now"))
        at_topic = checkpoints.c.topic == bindparam("at_topic")
        here = update(checkpoints).where(at_topic, checkpoints.c.partition == bindparam("at_partition"))
        return cls(
            pending=waiting.limit(bindparam("most", type_=Integer())),
            range_done=acknowledged.where(rows.c.sequence.between(bindparam("first"), bindparam("last"))),
            done=acknowledged.where(rows.c.sequence.in_(bindparam("sequences", expanding=True))),
            moved=here.values(offset=bindparam("to"), event_id=bindparam("event")),
        )


@dataclass
class OutboxStore:
    """RelayStore on SQLite or PostgreSQL."""

    database: Database
    outbox: Outbox
    lease: Lease
    _commits: Commits = field(init=False)
    _statements: _Statements = field(init=False)
    _renew_at: float = 0.0
    _measure_at: float = 0.0
    _trim_at: float = 0.0
    _sequences: list[int] = field(default_factory=list)
    """Of the events that were last returned as pending."""
    _drained: bool = False
    """All that there was at the last look is acknowledged: only a commit since then brings more."""
    _all: bool = False
    """The last look found all that there was."""

    def __post_init__(self) -> None:
        self._commits, self._statements = commits_to(self.database), _Statements.of(self.outbox)

    async def acquire(self) -> bool:
        """Acquire or renew the lease, which is not renewed before a third of its time is over."""
        now = time.monotonic()
        if now < self._renew_at:
            return True
        acquired = await self.lease.acquire()
        if not acquired:
            self._drained = False  # another publishes meanwhile
            await self._commits.close()  # a server keeps what a standby listens for, and does not read
        self._renew_at = now + self.lease.milliseconds / 3000 if acquired else 0.0
        return acquired

    async def renew(self) -> None:
        await self.lease.renew()

    async def release(self) -> None:
        self._renew_at, self._drained = 0.0, False
        await self._commits.close()
        await self.lease.release()

    async def close(self) -> None:
        """Listen no more; the lease stays until it runs out."""
        await self._commits.close()

    async def pending(self, limit: int, seconds: float) -> Sequence[OutgoingEvent]:
        query, values = self._statements.pending, {"most": limit}
        drained, self._drained = self._drained, False
        if drained:
            await self._commits.wait(seconds)
        await self._commits.watch()
        found = await self.database.read(lambda session: session.execute(query, values).all())
        self._sequences, self._all, self._drained = [row.sequence for row in found], len(found) < limit, not found
        if found:
            self._commits.found()
        return [OutgoingEvent(*row[1:]) for row in found]

    async def checkpoints(self) -> Sequence[Acknowledgement]:
        found = await self.database.read(lambda s: s.execute(select(self.outbox.checkpoints)).all())
        return [Acknowledgement(row.topic, row.partition, row.offset, row.event_id) for row in found]

    async def measure(self) -> None:
        if time.monotonic() >= self._measure_at:
            events, oldest = await self.database.read(self.outbox.backlog)
            outbox_pending.set(events)
            outbox_oldest.set(oldest)
            self._measure_at = time.monotonic() + MEASURE_EVERY

    async def trim(self) -> None:
        if time.monotonic() >= self._trim_at:
            await self.database.write(self._trim)
            self._trim_at = time.monotonic() + TRIM_EVERY

    def _trim(self, session: Session) -> None:
        """Reads no further than to the first event that is younger, for the old ones come first."""
        rows, before = self.outbox.rows.c, _now() - KEEP_MS
        younger = select(rows.sequence).where(rows.recorded_at >= before).order_by(rows.sequence).limit(1)
        old = delete(self.outbox.rows).where(rows.acknowledged_at < before)
        if first := session.execute(younger).scalar():
            old = old.where(rows.sequence < first)
        session.execute(old)

    async def acknowledge(self, batch: Sequence[OutgoingEvent], newest: Collection[Acknowledgement]) -> None:
        done = self._sequences[: len(batch)]
        in_a_row = done[-1] - done[0] == len(done) - 1
        these = {"first": done[0], "last": done[-1]} if in_a_row else {"sequences": done}
        statement = self._statements.range_done if in_a_row else self._statements.done

        def work(session: Session) -> None:
            session.execute(statement, {"now": _now(), **these})
            for one in newest:
                self._remember(session, one)

        await self._write_fenced(work)
        self._drained = self._all and len(done) == len(self._sequences)

    def _remember(self, session: Session, one: Acknowledgement) -> None:
        values = {"at_topic": one.topic, "at_partition": one.partition, "to": one.offset, "event": one.event_id}
        if not session.execute(self._statements.moved, values).rowcount:  # type: ignore[attr-defined]
            session.execute(insert(self.outbox.checkpoints).values(asdict(one)))

    async def republish(self, topics: Collection[str]) -> None:
        rows, checkpoints = self.outbox.rows, self.outbox.checkpoints
        self._drained = False

        def work(session: Session) -> None:
            session.execute(update(rows).where(rows.c.topic.in_(topics)).values(acknowledged_at=None))
            session.execute(delete(checkpoints).where(checkpoints.c.topic.in_(topics)))

        await self._write_fenced(work)

    async def _write_fenced(self, work: Callable[[Session], None]) -> None:
        def fenced(session: Session) -> None:
            self.lease.require(session)
            work(session)

        try:
            await self.database.write(fenced)
        except LeaseLost:
            self._renew_at = 0.0  # ask for it at the next step, before anything is published
            raise


def _now() -> int:
    return int(time.time() * 1000)
