"""Adding rows to a table without SQLAlchemy's look at each value, which costs more than the database's work on them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlmodel import Session


def add_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, which have the same two or more columns, in their order; the database gives the other columns.

    Values are texts, numbers, bytes, UUIDs and None.
    """
    if not rows:
        return
    connection, columns = session.connection(), tuple(rows[0])
    sqlite, values = connection.dialect.name == "sqlite", list(map(itemgetter(*columns), rows))
    if sqlite:  # it has no UUIDs: they are kept as SQLAlchemy does
        values = [tuple([one.hex if isinstance(one, UUID) else one for one in row]) for row in values]
    connection.exec_driver_sql(_statement(table.name, columns, "?" if sqlite else "%s"), values)


@lru_cache(maxsize=100)
def _statement(table: str, columns: tuple[str, ...], mark: str) -> str:
    names, marks = ", ".join(f'"{one}"' for one in columns), ", ".join([mark] * len(columns))
    return f'INSERT INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608  names of our own tables
