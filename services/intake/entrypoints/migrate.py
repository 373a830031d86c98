"""`python -m services.intake.entrypoints.migrate`: bring the database to the newest tables; may run twice at once."""

import sys
from pathlib import Path

from sqlalchemy import Connection, text

from services.intake.adapters.sql_revision import REVISION, current_revision
from services.intake.settings import IntakeSettings
from services.kit.database import Database
from services.kit.settings import CHECKOUT

HISTORY = CHECKOUT / "deploy" / "migrations" / "intake"
_LOCK = 0x6A_6F_6C_01
"""PostgreSQL's advisory lock: who migrates second finds nothing to do. SQLite has one writer anyway."""


def migrate(url: str, history: Path = HISTORY) -> str:
    """Upgrade to this code's revision in one transaction; the revision it is at then."""
    database = Database(url, pool_size=1)
    try:
        with database.engine.begin() as connection:
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if current_revision(connection) < REVISION:
                _upgrade(connection, history)
            return current_revision(connection)
    finally:
        database.engine.dispose()


def _upgrade(connection: Connection, history: Path) -> None:
    from alembic import command  # slow to import, and rarely needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(history))
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)


def main() -> None:
    sys.stdout.write(f"intake: {migrate(IntakeSettings().intake_sql_url)}\n")


if __name__ == "__main__":
    main()
