"""Dead letters in SQL: what a consumer could not take outlives Kafka, until it has its effect or is discarded."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.sql.columns import Instant

LARGEST = 1024 * 1024
"""Bytes of key and value that are kept; of more only the size is, and such a letter cannot be tried again."""


class DeadLetterState(StrEnum):
    OPEN = "open"
    """Somebody must decide."""
    RETRYING = "retrying"
    """To be handed to its consumer's handlers again, until they take it or refuse it."""
    SETTLED = "settled"
    """It had its effect."""
    DISCARDED = "discarded"
    """Somebody has decided that it shall have none."""


class DeadLetterAction(StrEnum):
    RETRY = "retry"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One dead letter: the message, why, how often, and what was decided by whom.

    `tries` counts the failures of a retry that may pass by themselves, `due_at` is when the next is due.
    """

    id: str
    consumer: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    size: int
    reason: str
    first_at: datetime
    last_at: datetime
    times: int
    state: str
    tries: int
    due_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    note: str | None

    @property
    def message(self) -> ConsumedRecord:
        return ConsumedRecord(self.topic, self.partition, self.offset, self.key, self.value)

    @property
    def left_out(self) -> bool:
        """Whether it was too large to be kept."""
        return self.size > LARGEST

    @property
    def allowed_actions(self) -> tuple[DeadLetterAction, ...]:
        """What may be decided now. A decision repeated is no other one: it is answered as the first was."""
        actions: Collection[DeadLetterAction] = {
            DeadLetterState.OPEN: (DeadLetterAction.RETRY, DeadLetterAction.DISCARD),
            DeadLetterState.DISCARDED: (DeadLetterAction.RETRY,),
        }.get(DeadLetterState(self.state), ())
        return tuple(one for one in actions if not (self.left_out and one is DeadLetterAction.RETRY))


class DeadLetterTable:
    """The table `dead_letters` of one service, on its own metadata. A message is one letter, however often it comes."""

    def __init__(self, metadata: MetaData) -> None:
        self.rows = Table(
            "dead_letters",
            metadata,
            Column("id", String(36), primary_key=True),
            Column("consumer", String(50), nullable=False),
            Column("topic", String(200), nullable=False),
            Column("partition", Integer, nullable=False),
            Column("offset", BigInteger, nullable=False),
            Column("key", LargeBinary, nullable=True),
            Column("value", LargeBinary, nullable=True),
            Column("size", BigInteger, nullable=False),
            Column("digest", String(64), nullable=False),
            Column("reason", Text, nullable=False),
            Column("first_at", Instant, nullable=False),
            Column("last_at", Instant, nullable=False),
            Column("times", Integer, nullable=False),
            Column("state", String(20), nullable=False),
            Column("tries", Integer, nullable=False),
            Column("due_at", Instant, nullable=True),
            Column("decided_by", String(120), nullable=True),
            Column("decided_at", Instant, nullable=True),
            Column("note", Text, nullable=True),
            UniqueConstraint("consumer", "topic", "digest", name="uq_dead_letters_message"),
        )
        Index("ix_dead_letters_state", self.rows.c.state, self.rows.c.id)
