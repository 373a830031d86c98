"""The inbox: a row `(consumer, event_id)` beside the effect, so that an event delivered twice has it once."""

import time
from collections.abc import Collection

from sqlalchemy import BigInteger, Column, MetaData, String, Table, bindparam, delete, select
from sqlmodel import Session

from services.kit.sql.add_rows import add_rows


class Inbox:
    """The table `inbox` of one service, on its own metadata."""

    def __init__(self, metadata: MetaData) -> None:
        self.rows = Table(
            "inbox",
            metadata,
            Column("consumer", String(50), primary_key=True),
            Column("event_id", String(64), primary_key=True),
            Column("received_at", BigInteger, nullable=False, index=True),
        )
        consumer, event_id = self.rows.c.consumer, self.rows.c.event_id
        these = event_id.in_(bindparam("ids", expanding=True))
        self._seen = select(event_id).where(consumer == bindparam("of_consumer"), these)

    def unseen(self, session: Session, consumer: str, event_ids: Collection[str]) -> set[str]:
        """Those of `event_ids` that `consumer` has not recorded."""
        seen = session.execute(self._seen, {"of_consumer": consumer, "ids": list(event_ids)})
        return set(event_ids) - set(seen.scalars())

    def record(self, session: Session, consumer: str, event_ids: Collection[str]) -> None:
        """Record `event_ids`; raises IntegrityError when another transaction has recorded one meanwhile."""
        now = int(time.time() * 1000)
        new = [{"consumer": consumer, "event_id": one, "received_at": now} for one in event_ids]
        add_rows(session, self.rows, new)

    def trim(self, session: Session, before: int) -> None:
        """Delete entries received before `before` (epoch ms); Kafka must keep its topics for less long."""
        session.execute(delete(self.rows).where(self.rows.c.received_at < before))
