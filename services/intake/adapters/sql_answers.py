"""The answers to idempotency keys, which are kept for a while."""

import time

from services.intake.adapters.tables import answered
from services.kit.sql.database import Database

KEPT_MS = 30 * 86_400_000
"""How long an idempotency key gets its first answer."""


class SqlAnswers:
    """The table `answered`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def trim(self) -> None:
        """Delete the old ones."""
        old = answered.c.answered_at < int(time.time() * 1000) - KEPT_MS
        await self._database.write(lambda session: session.execute(answered.delete().where(old)))
