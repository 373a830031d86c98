"""Adding rows to a table without SQLAlchemy's look at each value, which costs more than the database's work on them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlmodel import Session

from services.kit.sql.columns import stored_moment

_AS_THEY_ARE = frozenset({str, int, float, bytes, bool, type(None)})


def add_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]], notify: str = "") -> None:
    """Insert `rows`, which have the same two or more columns, in their order; the database gives the other columns.

    Values are texts, numbers, bytes, UUIDs, aware moments (of columns of type `Instant`), text enums and None.
    On PostgreSQL the commit notifies the channel `notify`, once.
    """
    if not rows:
        return
    connection, columns = session.connection(), tuple(rows[0])
    sqlite = connection.dialect.name == "sqlite"
    values = [
        tuple([one if type(one) in _AS_THEY_ARE else _stored(one, sqlite) for one in row])
        for row in map(itemgetter(*columns), rows)
    ]
    statement = _statement(table.name, columns, "?" if sqlite else "%s", "" if sqlite else notify)
    connection.exec_driver_sql(statement, values).close()


def _stored(value: Any, sqlite: bool) -> Any:
    """As SQLAlchemy's types would store it; SQLite has no UUIDs and no moments."""
    if isinstance(value, datetime):
        return stored_moment(value, as_number=sqlite)
    if isinstance(value, UUID) and sqlite:
        return value.hex
    return value.value if isinstance(value, StrEnum) else value


@lru_cache(maxsize=100)
def _statement(table: str, columns: tuple[str, ...], mark: str, notify: str) -> str:
    names, marks = ", ".join(f'"{one}"' for one in columns), ", ".join([mark] * len(columns))
    told = f" RETURNING pg_notify('{notify}', '')" if notify else ""  # in the same round trip
    return f'INSERT INTO "{table}" ({names}) VALUES ({marks}){told}'  # noqa: S608  names of our own tables
