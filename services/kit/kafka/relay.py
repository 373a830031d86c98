"""The relay: brings the outbox to Kafka in batches, one active relay a database."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

import structlog
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.kit.errors import TransientError
from services.kit.kafka.publisher import Acknowledged, Publisher
from services.kit.sql.database import Database
from services.kit.sql.outbox import Outbox

log = structlog.get_logger()
BATCH = 1000
LEASE_MS = 3_000
VERIFY_EVERY = 60.0
TRIM_EVERY = 3600.0
"""Seconds; a trim looks at every row."""
COUNT_EVERY = 10.0
"""Seconds between two counts of what waits, also while Kafka is away."""
KEEP_MS = 30 * 86_400_000
"""How long the outbox keeps what was acknowledged: what may be published again."""

published = Counter("outbox_published_total", "Events acknowledged by Kafka", ["topic"])
republished = Counter("outbox_republished_total", "Times the outbox was published again", ["topic"])
pending_gauge = Gauge("outbox_pending", "Events not acknowledged by Kafka when last counted")
oldest_gauge = Gauge("joldama_outbox_oldest_seconds", "Age of the oldest of them; 0 when there is none")


class CommitNotifier(Protocol):
    """Returns after a commit, or after so many `seconds`."""

    async def __call__(self, seconds: float) -> None: ...


def _now() -> int:
    return int(time.time() * 1000)


@dataclass
class OutboxRelay:
    """`run()` until cancelled. Every failure is retried with backoff and said; nothing is skipped."""

    database: Database
    outbox: Outbox
    publisher: Publisher
    wake: CommitNotifier
    name: str = "outbox"
    owner: str = field(default_factory=lambda: uuid4().hex)
    progressed: Callable[[], None] = lambda: None
    _verify_at: float = 0.0
    _trim_at: float = 0.0
    _count_at: float = 0.0
    _lease_until: int = 0

    async def run(self) -> None:
        pause = 0.1
        while True:
            try:
                await self.count()
                await self.step()
                pause = 0.1
            except (TransientError, KafkaError, OSError) as error:
                log.warning("relay.retrying", reason=str(error) or type(error).__name__, seconds=pause)
                self._verify_at = 0.0
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def count(self) -> None:
        """How much waits, and since when: for whoever watches."""
        if time.monotonic() < self._count_at:
            return
        backlog = await self.database.read(self.outbox.backlog)
        pending_gauge.set(backlog.events)
        oldest_gauge.set(backlog.seconds)
        self._count_at = time.monotonic() + COUNT_EVERY

    async def step(self) -> None:
        """Hold the lease, look whether Kafka still has what it took, publish what waits, or wait for a commit."""
        if not await self._hold_lease():
            await asyncio.sleep(LEASE_MS / 3000)
            self.progressed()  # standing by is what it is for
            return
        if time.monotonic() >= self._verify_at:
            await self.verify()
            self._verify_at = time.monotonic() + VERIFY_EVERY
        if not await self.publish_pending():
            await self.wake(LEASE_MS / 3000)
        self.progressed()

    async def publish_pending(self) -> int:
        """Publish one batch; how many were acknowledged."""
        rows = await self.database.read(self._next)
        if not rows:
            return 0
        acknowledged = await self.publisher.publish([(r.topic, r.key, r.payload, r.event_id) for r in rows])
        await self.database.write(lambda session: self._acknowledge(session, rows, acknowledged))
        if len(acknowledged) < len(rows):
            raise TransientError(f"Kafka took {len(acknowledged)} of {len(rows)} events")
        return len(rows)

    def _next(self, session: Session) -> Sequence[Any]:
        rows = self.outbox.rows
        return session.execute(
            select(rows).where(rows.c.acknowledged_at.is_(None)).order_by(rows.c.sequence).limit(BATCH)
        ).all()

    def _acknowledge(self, session: Session, rows: Sequence[Any], acks: Sequence[Acknowledged]) -> None:
        if not acks:
            return
        table = self.outbox.rows
        done = [row.sequence for row in rows[: len(acks)]]
        mine = (
            table.c.sequence.in_(done)
            if done[-1] - done[0] >= len(done)
            else table.c.sequence.between(done[0], done[-1])
        )
        session.execute(update(table).where(mine).values(acknowledged_at=_now()))
        begun_anew = self._begun_anew(session, acks)
        for ack in {(a.topic, a.partition): a for a in acks}.values():
            self._remember(session, ack)
            published.labels(ack.topic).inc()
        for topic in sorted(begun_anew):
            self._again(session, topic)

    def _begun_anew(self, session: Session, acks: Sequence[Acknowledged]) -> set[str]:
        """Topics whose log was begun anew: it gave an offset that it, or the one before it, had given already.

        To note such an offset would hide what the old log has lost.
        """
        positions = session.execute(select(self.outbox.positions)).all()
        given = {(row.topic, row.partition): row.offset for row in positions}
        return {ack.topic for ack in acks if ack.offset <= given.get((ack.topic, ack.partition), -1)}

    def _remember(self, session: Session, ack: Acknowledged) -> None:
        positions = self.outbox.positions
        here = (positions.c.topic == ack.topic) & (positions.c.partition == ack.partition)
        values = {"offset": ack.offset, "event_id": ack.event_id}
        if not session.execute(update(positions).where(here).values(values)).rowcount:  # type: ignore[attr-defined]
            session.execute(insert(positions).values(topic=ack.topic, partition=ack.partition, **values))

    async def verify(self) -> None:
        """Publish again all that is kept of a topic whose record at the last acknowledged offset is not ours."""
        positions = await self.database.read(lambda s: s.execute(select(self.outbox.positions)).all())
        forgotten = set()
        for row in positions:
            if not await self.publisher.still_there(row.topic, row.partition, row.offset, row.event_id):
                forgotten.add(row.topic)
        for topic in sorted(forgotten):
            await self.database.write(partial(self._again, topic=topic))
        if time.monotonic() >= self._trim_at:
            await self.database.write(self._trim)
            self._trim_at = time.monotonic() + TRIM_EVERY

    def _again(self, session: Session, topic: str) -> None:
        log.error("relay.kafka_forgot", topic=topic)
        republished.labels(topic).inc()
        rows, positions = self.outbox.rows, self.outbox.positions
        session.execute(update(rows).where(rows.c.topic == topic).values(acknowledged_at=None))
        session.execute(delete(positions).where(positions.c.topic == topic))

    def _trim(self, session: Session) -> None:
        rows = self.outbox.rows
        session.execute(delete(rows).where(rows.c.acknowledged_at < _now() - KEEP_MS))

    async def _hold_lease(self) -> bool:
        now = _now()
        if now < self._lease_until - LEASE_MS * 2 // 3:
            return True
        held = await self.database.write(lambda session: self._lease(session, now))
        self._lease_until = now + LEASE_MS if held else 0
        return held

    def _lease(self, session: Session, now: int) -> bool:
        leases = self.outbox.leases
        values = {"owner": self.owner, "until": now + LEASE_MS}
        mine = (leases.c.name == self.name) & or_(leases.c.owner == self.owner, leases.c.until < now)
        if session.execute(update(leases).where(mine).values(values)).rowcount:  # type: ignore[attr-defined]
            return True
        if session.execute(select(leases.c.name).where(leases.c.name == self.name)).first():
            return False
        try:
            session.execute(insert(leases).values(name=self.name, **values))
        except IntegrityError as error:
            raise TransientError("another relay took the lease") from error
        return True

    async def release(self) -> None:
        """Give the lease back, so that the next relay need not wait for its end."""
        leases = self.outbox.leases
        mine = delete(leases).where(leases.c.name == self.name, leases.c.owner == self.owner)
        await self.database.write(lambda session: session.execute(mine))


async def run_relay(relay: OutboxRelay) -> None:
    """Run `relay` until cancelled, then give its lease back."""
    try:
        await relay.run()
    finally:
        with suppress(TransientError):  # it ends by itself
            await relay.release()
