"""The outbox: an event is a row, written in the transaction that made it true. A relay brings it to Kafka later."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
    text,
)
from sqlmodel import Session

CHANNEL = "joldama_outbox"
"""PostgreSQL's NOTIFY channel: the commit wakes the relay."""
_BIG = BigInteger().with_variant(Integer, "sqlite")


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be published. `topic` is the name without the prefix; `payload` the event's bytes."""

    event_id: str
    topic: str
    key: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that wait for Kafka, and the age in seconds of the oldest."""

    events: int
    seconds: float


class Outbox:
    """The tables `outbox`, `relay_position` and `relay_lease` of one service, on its own metadata."""

    def __init__(self, metadata: MetaData) -> None:
        self.rows = Table(
            "outbox",
            metadata,
            Column("sequence", _BIG, primary_key=True, autoincrement=True),
            Column("event_id", String(64), nullable=False),
            Column("topic", String(100), nullable=False),
            Column("key", String(100), nullable=False),
            Column("payload", LargeBinary, nullable=False),
            Column("recorded_at", BigInteger, nullable=False),
            Column("acknowledged_at", BigInteger, nullable=True),
            UniqueConstraint("event_id", name="uq_outbox_event_id"),
        )
        self._insert = insert(self.rows)
        pending = text("acknowledged_at IS NULL")
        Index("ix_outbox_pending", self.rows.c.sequence, sqlite_where=pending, postgresql_where=pending)
        self.positions = Table(
            "relay_position",
            metadata,
            Column("topic", String(200), primary_key=True),
            Column("partition", Integer, primary_key=True),
            Column("offset", BigInteger, nullable=False),
            Column("event_id", String(64), nullable=False),
        )
        self.leases = Table(
            "relay_lease",
            metadata,
            Column("name", String(50), primary_key=True),
            Column("owner", String(64), nullable=False),
            Column("until", BigInteger, nullable=False),
        )

    def add(self, session: Session, messages: Sequence[Message]) -> None:
        """Write `messages` in the caller's transaction, in their order."""
        if not messages:
            return
        now = int(time.time() * 1000)
        session.connection().execute(
            self._insert,
            [
                {
                    "event_id": m.event_id,
                    "topic": m.topic,
                    "key": m.key,
                    "payload": m.payload,
                    "recorded_at": now,
                }
                for m in messages
            ],
        )
        if session.get_bind().dialect.name == "postgresql":
            session.execute(select(func.pg_notify(CHANNEL, "")))

    def pending(self, session: Session) -> int:
        """How many events have not been acknowledged by Kafka."""
        return self.backlog(session).events

    def backlog(self, session: Session) -> Backlog:
        """What has not been acknowledged by Kafka."""
        waits = select(func.count(), func.min(self.rows.c.recorded_at)).where(self.rows.c.acknowledged_at.is_(None))
        events, oldest = session.execute(waits).one()
        return Backlog(events, max(0.0, time.time() - oldest / 1000) if events else 0.0)
