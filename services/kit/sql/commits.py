"""Waiting for somebody's commit: for a SQLite file by its version, which costs microseconds; elsewhere by the clock."""

import asyncio
import sqlite3
import time
from pathlib import Path

from services.kit.sql.database import Database

LOOK_EVERY, LOOK_SOON = 0.01, 0.003
"""Seconds between two looks at a version: later on, and for the first `SOON` seconds, when more is likely to come."""
SOON = 0.1
POLL_EVERY = 0.02
"""Seconds that are waited where there is no version."""


class Commits:
    """The commits to `database` of all processes. Of one thread; connects at first use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None

    def version(self) -> int | None:
        """Another number after each commit of others; None when it is unknown, as it is on PostgreSQL."""
        if not self._database.is_sqlite:
            return None
        try:
            if self._connection is None:
                file = Path(str(self._database.engine.url.database)).absolute().as_uri()
                self._connection = sqlite3.connect(f"{file}?mode=rw", uri=True, timeout=0, isolation_level=None)
            found: list[tuple[int]] = self._connection.execute("PRAGMA data_version").fetchall()
        except sqlite3.Error:  # its log is being recovered
            return None
        return found[0][0]

    async def wait(self, seen: int | None, seconds: float) -> None:
        """Until the version is not `seen`, for `seconds` at most; a short while when it is unknown."""
        began = time.monotonic()
        if seen is None:
            await asyncio.sleep(min(seconds, POLL_EVERY))
        else:
            while self.version() == seen and (waited := time.monotonic() - began) < seconds:
                await asyncio.sleep(min(seconds - waited, LOOK_SOON if waited < SOON else LOOK_EVERY))

    def close(self) -> None:
        """Until the next use."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
