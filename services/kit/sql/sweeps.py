"""What retention has swept, in SQL: by name how much in all, and when last."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, MetaData, String, Table, insert, select, update
from sqlmodel import Session


class Swept(NamedTuple):
    """So much in all; `at` is when last something was swept."""

    total: int = 0
    at: datetime | None = None


class Sweeps:
    """The table `sweep` of one service."""

    def __init__(self, metadata: MetaData) -> None:
        self.rows = Table(
            "sweep",
            metadata,
            Column("name", String(40), primary_key=True),
            Column("total", BigInteger, nullable=False),
            Column("swept_at", BigInteger, nullable=False),
        )

    def add(self, session: Session, name: str, number: int) -> None:
        """Count what the caller's transaction sweeps."""
        rows, now = self.rows, int(time.time() * 1000)
        if not number:
            return
        known = session.execute(select(rows.c.name).where(rows.c.name == name).with_for_update()).first()
        if known:
            more = update(rows).where(rows.c.name == name)
            session.execute(more.values(total=rows.c.total + number, swept_at=now))
        else:
            session.execute(insert(rows).values(name=name, total=number, swept_at=now))

    def read(self, session: Session) -> Mapping[str, Swept]:
        found = session.execute(select(self.rows)).all()
        return {one.name: Swept(one.total, datetime.fromtimestamp(one.swept_at / 1000, UTC)) for one in found}
