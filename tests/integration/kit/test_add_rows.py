"""Rows that are added past SQLAlchemy's types are those that it would have stored."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    insert,
    select,
    text,
)
from sqlmodel import Session

from services.kit.sql.add_rows import add_rows
from services.kit.sql.columns import Instant
from services.kit.sql.database import Database


class Color(StrEnum):
    RED = "red"


COLUMNS = (
    Column("at", Instant),
    Column("color", String(10)),
    Column("id", Uuid),
    Column("count", BigInteger),
    Column("kilometers", Float),
    Column("payload", LargeBinary),
    Column("open", Boolean),
    Column("note", String(20), server_default="none"),
)
TABLE = Table("kinds", MetaData(), Column("row", BigInteger, primary_key=True, autoincrement=False), *COLUMNS)
ALMATY = timezone(timedelta(hours=5))
FULL: dict[str, Any] = {
    "at": datetime(2026, 3, 2, 14, 0, 0, 123_987, ALMATY), "color": Color.RED, "id": UUID(int=7), "count": 2**40,
    "kilometers": 1.25, "payload": b"\x00\xff", "open": True,
}  # fmt: skip
EMPTY: dict[str, Any] = dict.fromkeys(FULL)


async def test_each_kind_of_value_is_stored_as_sqlalchemy_stores_it(database: Database) -> None:
    def work(session: Session) -> list[Any]:
        TABLE.create(session.connection())
        add_rows(session, TABLE, [{"row": 1, **FULL}, {"row": 2, **EMPTY}])
        session.execute(insert(TABLE), [{"row": 3, **FULL}, {"row": 4, **EMPTY}])
        stored = list(session.execute(text("SELECT * FROM kinds ORDER BY row")))
        read = session.execute(select(TABLE).where(TABLE.c.row == 1)).one()
        TABLE.drop(session.connection())
        return [stored, read]

    [(ours, our_empty, theirs, their_empty), read] = await database.write(work)
    assert ours[1:] == theirs[1:]
    assert our_empty[1:] == their_empty[1:]
    assert read.at == datetime(2026, 3, 2, 9, 0, 0, 123_000, UTC), "to the millisecond, in UTC"
    assert (read.color, read.id, read.note) == ("red", UUID(int=7), "none")
