"""Dead letters in SQL: what a consumer could not take outlives Kafka, until it has its effect or is discarded."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

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

from services.kit.columns import Instant

LARGEST = 1024 * 1024
"""Bytes of key and value that are kept; of more only the size is, and such a letter cannot be tried again."""


class LetterState(StrEnum):
    OPEN = "open"
    """Somebody must decide."""
    RETRYING = "retrying"
    """To be handed to its consumer's handlers again, until they take it or refuse it."""
    SETTLED = "settled"
    """It had its effect."""
    DISCARDED = "discarded"
    """Somebody has decided that it shall have none."""


class LetterAction(StrEnum):
    RETRY = "retry"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Taken:
    """A message as it came: full topic name, where it lay, and its bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0
    """Epoch milliseconds, as Kafka has it."""

    @property
    def digest(self) -> str:
        """SHA-256 of key and value: the message, wherever it lies."""
        parts = (b"-" if part is None else b"%d:" % len(part) + part for part in (self.key, self.value))
        return sha256(b"".join(parts)).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
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
    def message(self) -> Taken:
        return Taken(self.topic, self.partition, self.offset, self.key, self.value)

    @property
    def left_out(self) -> bool:
        """Whether it was too large to be kept."""
        return self.size > LARGEST

    @property
    def allowed_actions(self) -> tuple[LetterAction, ...]:
        """What may be decided now. A decision repeated is no other one: it is answered as the first was."""
        actions: Collection[LetterAction] = {
            LetterState.OPEN: (LetterAction.RETRY, LetterAction.DISCARD),
            LetterState.DISCARDED: (LetterAction.RETRY,),
        }.get(LetterState(self.state), ())
        return tuple(one for one in actions if not (self.left_out and one is LetterAction.RETRY))


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
