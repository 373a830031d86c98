"""The answers to idempotency keys, which are kept for a while."""

import time
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from services.intake.adapters.tables import answered, sweeps
from services.intake.handlers.retain import ANSWERS
from services.kit.sql.database import Database

KEPT = timedelta(days=30)
"""How long an idempotency key gets its first answer."""
KEPT_MS = KEPT // timedelta(milliseconds=1)


class SqlAnswers:
    """The table `answered`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def trim(self) -> None:
        """Delete the old ones."""
        old = answered.c.answered_at < int(time.time() * 1000) - KEPT_MS

        def work(session: Session) -> None:
            gone: Any = session.execute(answered.delete().where(old))
            sweeps.add(session, ANSWERS, gone.rowcount)

        await self._database.write(work)
