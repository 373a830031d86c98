"""A lease in SQL: one process of several has it, for as long as it renews it. The clock is the database's."""

from dataclasses import dataclass, field
from functools import cached_property
from uuid import uuid4

from sqlalchemy import BigInteger, Column, MetaData, Select, String, Table, delete, select, text
from sqlmodel import Session

from services.kit.errors import LeaseLost
from services.kit.sql.database import Database

_NOW = {
    "postgresql": "(extract(epoch from clock_timestamp()) * 1000)::bigint",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
}
_ACQUIRE = """
INSERT INTO lease (name, owner, until) VALUES (:name, :owner, {now} + :milliseconds)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
WHERE lease.owner = excluded.owner OR lease.until < {now}
"""

_RENEW = "UPDATE lease SET until = {now} + :milliseconds WHERE name = :name AND owner = :owner"


def lease_table(metadata: MetaData) -> Table:
    """The table `lease` of one service; `until` is in epoch milliseconds."""
    return Table(
        "lease",
        metadata,
        Column("name", String(50), primary_key=True),
        Column("owner", String(64), nullable=False),
        Column("until", BigInteger, nullable=False),
    )


@dataclass(frozen=True)
class Lease:
    """The lease `name` for `owner`. Raises TransientError while the database fails."""

    database: Database
    table: Table
    name: str
    milliseconds: int = 3_000
    owner: str = field(default_factory=lambda: uuid4().hex)

    async def acquire(self) -> bool:
        """Acquire or renew the lease; False while another owner has it."""
        values = {"name": self.name, "owner": self.owner, "milliseconds": self.milliseconds}

        def work(session: Session) -> bool:
            statement = text(_ACQUIRE.format(now=_NOW[session.get_bind().dialect.name]))
            return bool(session.execute(statement, values).rowcount)  # type: ignore[attr-defined]

        return await self.database.write(work)

    async def renew(self) -> None:
        """Renew the lease, also one that has run out, unless another owner has acquired it."""
        values = {"name": self.name, "owner": self.owner, "milliseconds": self.milliseconds}

        def work(session: Session) -> None:
            session.execute(text(_RENEW.format(now=_NOW[session.get_bind().dialect.name])), values)

        await self.database.write(work)

    async def release(self) -> None:
        """Release the lease, so that the next owner need not wait for its end."""
        rows = self.table
        mine = delete(rows).where(rows.c.name == self.name, rows.c.owner == self.owner)
        await self.database.write(lambda session: session.execute(mine))

    def require(self, session: Session) -> None:
        """Lock the lease's row until the commit; raises LeaseLost when another owner has it."""
        if session.execute(self._held).scalar() != self.owner:
            raise LeaseLost(f"the lease {self.name} is another process's")

    @cached_property
    def _held(self) -> Select[tuple[str]]:
        """The owner, locked: built once, for a relay asks with each batch."""
        rows = self.table
        return select(rows.c.owner).where(rows.c.name == self.name).with_for_update()
