"""The events that intake has written, straight from its outbox."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from services.intake.adapters.tables import outbox
from services.kit.sql.database import Database


class SqlPublished:
    """The outbox keeps an event for 30 days after Kafka has acknowledged it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, event_ids: Collection[UUID]) -> list[bytes]:
        """Those that are there, in no order."""
        rows = outbox.rows
        query = select(rows.c.payload).where(rows.c.event_id.in_([str(one) for one in event_ids]))
        return await self._database.read(lambda session: list(session.execute(query).scalars()))
