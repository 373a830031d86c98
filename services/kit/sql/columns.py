"""Column types for both SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def stored_moment(value: datetime, *, as_number: bool) -> datetime | int:
    """An aware moment in whole milliseconds, or those since 1970 as a number."""
    milliseconds = (value - _EPOCH) // _MILLISECOND
    return milliseconds if as_number else _EPOCH + milliseconds * _MILLISECOND


class Instant(TypeDecorator[datetime]):
    """An aware moment, to the millisecond: TIMESTAMPTZ on PostgreSQL, epoch milliseconds on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = DateTime(timezone=True) if dialect.name == "postgresql" else BigInteger()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        return None if value is None else stored_moment(value, as_number=dialect.name != "postgresql")

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        if isinstance(value, int):
            return _EPOCH + timedelta(milliseconds=value)
        return value.astimezone(UTC) if isinstance(value, datetime) else None
