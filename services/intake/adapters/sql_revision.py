"""Whether the database has the tables that this code needs."""

from sqlalchemy import Connection, inspect, text

from services.kit.database import Database

REVISION = "0001"
"""The head of deploy/migrations/intake. Revisions are numbered: a newer one serves older code."""


def current_revision(connection: Connection) -> str:
    """What the database was migrated to; empty when it never was."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


async def check_migrated(database: Database) -> None:
    """A readiness check: raises RuntimeError until the migration has run."""
    found = await database.read(lambda session: current_revision(session.connection()))
    if found < REVISION:
        raise RuntimeError(f"tables at revision {found or 'none'}, {REVISION} needed: run the migration")
