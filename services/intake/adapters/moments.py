"""Moments as they are stored: epoch milliseconds."""

from datetime import UTC, datetime


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
