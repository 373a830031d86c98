"""The outbox: an event is a row, written in the transaction that made it true; a relay publishes it to Kafka."""

import time
from collections.abc import Sequence

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
    select,
    text,
)
from sqlmodel import Session

from services.kit.outgoing_event import OutgoingEvent
from services.kit.sql.add_rows import add_rows
from services.kit.sql.commits import CHANNEL

_BIG = BigInteger().with_variant(Integer, "sqlite")


class Outbox:
    """The tables `outbox` and `relay_checkpoint` (the last acknowledged offset of each partition) of one service."""

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
            UniqueConstraint("event_id", "topic", name="uq_outbox_event_id"),
        )
        pending = text("acknowledged_at IS NULL")
        Index("ix_outbox_pending", self.rows.c.sequence, sqlite_where=pending, postgresql_where=pending)
        self.checkpoints = Table(
            "relay_checkpoint",
            metadata,
            Column("topic", String(200), primary_key=True),
            Column("partition", Integer, primary_key=True),
            Column("offset", BigInteger, nullable=False),
            Column("event_id", String(64), nullable=False),
        )

    def add(self, session: Session, events: Sequence[OutgoingEvent]) -> None:
        """Write `events` in the caller's transaction, in their order; on PostgreSQL its commit tells the relay."""
        if events:
            now = int(time.time() * 1000)
            add_rows(session, self.rows, [one._asdict() | {"recorded_at": now} for one in events], notify=CHANNEL)

    def backlog(self, session: Session) -> tuple[int, float]:
        """The events that Kafka has not acknowledged, and the age of the oldest in seconds (0 without one)."""
        waits = select(func.count(), func.min(self.rows.c.recorded_at)).where(self.rows.c.acknowledged_at.is_(None))
        events, oldest = session.execute(waits).one()
        return events, max(0.0, time.time() - oldest / 1000) if events else 0.0
