"""The readiness check of a database: it writes a row, because one that is full or read-only still answers."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.kit.errors import TransientError
from services.kit.sql.database import Database

_WRITE = text(
    "INSERT INTO lease (name, owner, until) VALUES ('readiness', '', 0) "
    "ON CONFLICT (name) DO UPDATE SET until = lease.until + 1"
)


async def check_writable(database: Database) -> None:
    """Raises TransientError with the database's own reason when it does not answer, or takes no writes."""
    try:
        await database.write(lambda session: session.execute(_WRITE))
    except (TransientError, DBAPIError) as error:
        failed = error if isinstance(error, DBAPIError) else error.__cause__
        raise TransientError(f"database: {getattr(failed, 'orig', error)}") from error
