"""The steps of referrals as they are committed, from the outbox."""

import time

import orjson
from sqlalchemy import func, or_, select

from services.contracts.changes import Change
from services.contracts.topics import REFERRALS
from services.kit.sql.database import Database
from services.referral.adapters.tables import outbox

MOST = 1000
"""Rows of one read."""
LATE = 10.0
"""Seconds for which a number that was passed over may still be committed: numbers are given before the commit."""


class SqlChanges:
    """Each step once, from the beginning on. One reader at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = 0
        self._missing: dict[int, float] = {}

    async def begin(self) -> None:
        newest = select(func.coalesce(func.max(outbox.rows.c.sequence), 0))
        self._last = await self._database.read(lambda session: int(session.execute(newest).scalar_one()))
        self._missing = {}

    async def next(self) -> list[Change]:
        rows = outbox.rows.c
        new = or_(rows.sequence > self._last, rows.sequence.in_(list(self._missing)))
        query = select(rows.sequence, rows.topic, rows.payload).where(new).order_by(rows.sequence).limit(MOST)
        found = await self._database.read(lambda session: session.execute(query).all())
        self._note([row.sequence for row in found])
        return [_change(row.payload) for row in found if row.topic == REFERRALS and b'"referral_id"' in row.payload]

    def _note(self, sequences: list[int]) -> None:
        """Numbers between these that are not there yet are looked for until they are, or are late."""
        now, last = time.monotonic(), self._last
        for number in sequences:
            self._missing.pop(number, None)
            self._missing |= dict.fromkeys(range(last + 1, number), now)
            last = max(last, number)
        self._last = last
        self._missing = {number: since for number, since in self._missing.items() if now - since < LATE}


def _change(payload: bytes) -> Change:
    return Change.model_validate(orjson.loads(payload)["data"])
