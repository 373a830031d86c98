"""A service's alembic history: upgrading its database, and checking its revision."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from services.kit.sql.database import Database


@dataclass(frozen=True)
class History:
    """The revisions in `folder`, numbered, so that a newer database serves older code. `lock` is the service's own."""

    folder: Path
    head: str
    lock: int

    def migrate(self, url: str) -> str:
        """Upgrade to `head` in one transaction; the revision the database is at then. Safe to run twice at once."""
        database = Database(url, pool_size=1)
        try:
            with database.engine.begin() as connection:
                if not database.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": self.lock})
                if revision(connection) < self.head:
                    self._upgrade(connection)
                return revision(connection)
        finally:
            database.engine.dispose()

    def _upgrade(self, connection: Connection) -> None:
        from alembic import command  # slow to import, and rarely needed
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(self.folder))
        config.attributes["connection"] = connection
        command.upgrade(config, self.head)

    async def check(self, database: Database) -> None:
        """A readiness check: raises RuntimeError until the migration has run."""
        found = await database.read(lambda session: revision(session.connection()))
        if found < self.head:
            raise RuntimeError(f"tables at revision {found or 'none'}, {self.head} needed: run the migration")


def revision(connection: Connection) -> str:
    """The database's revision; empty when it was never migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
