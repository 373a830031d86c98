"""A dead letter: a message that a consumer could not process, stored until it has its effect or is discarded."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import NoneType
from typing import Annotated, get_args, get_type_hints

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.sql.columns import Instant

LARGEST = 1024 * 1024
"""Bytes of key and value that are stored at most; of a larger message only the size is, so it cannot be retried."""


class DeadLetterState(StrEnum):
    OPEN = "open"
    """Waits for an operator's decision."""
    RETRYING = "retrying"
    """Retried until it succeeds or is refused; so is a parked message."""
    SETTLED = "settled"
    """A retry succeeded."""
    DISCARDED = "discarded"
    """By an operator's decision never to be processed."""


class DeadLetterAction(StrEnum):
    RETRY = "retry"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A row of the table, a field a column: the message, why and how often it failed, and the last decision.

    `tries` counts the transient failures of a retry, `due_at` is when the next try is due.
    """

    id: Annotated[str, String(36)]
    consumer: Annotated[str, String(50)]
    topic: Annotated[str, String(200)]
    partition: Annotated[int, Integer]
    offset: Annotated[int, BigInteger]
    key: Annotated[bytes | None, LargeBinary]
    value: Annotated[bytes | None, LargeBinary]
    size: Annotated[int, BigInteger]
    digest: Annotated[str, String(64)]
    reason: Annotated[str, Text]
    first_at: Annotated[datetime, Instant]
    last_at: Annotated[datetime, Instant]
    times: Annotated[int, Integer]
    state: Annotated[str, String(20)]
    tries: Annotated[int, Integer]
    due_at: Annotated[datetime | None, Instant]
    decided_by: Annotated[str | None, String(120)]
    decided_at: Annotated[datetime | None, Instant]
    note: Annotated[str | None, Text]

    @property
    def message(self) -> ConsumedRecord:
        return ConsumedRecord(self.topic, self.partition, self.offset, self.key, self.value)

    @property
    def too_large(self) -> bool:
        """Whether the message was too large to be stored."""
        return self.size > LARGEST

    @property
    def allowed_actions(self) -> tuple[DeadLetterAction, ...]:
        retry = () if self.too_large else (DeadLetterAction.RETRY,)
        match self.state:
            case DeadLetterState.OPEN:
                return *retry, DeadLetterAction.DISCARD
            case DeadLetterState.DISCARDED:
                return retry
        return ()


def dead_letter_table(metadata: MetaData) -> Table:
    """The table `dead_letters` of one service: a row a message, however often it fails."""
    columns = [
        Column(name, hint.__metadata__[0], primary_key=name == "id", nullable=NoneType in get_args(hint.__origin__))
        for name, hint in get_type_hints(DeadLetter, include_extras=True).items()
    ]
    return Table(
        "dead_letters",
        metadata,
        *columns,
        UniqueConstraint("consumer", "topic", "digest", name="uq_dead_letters_message"),
        Index("ix_dead_letters_state", "state", "id"),
    )
