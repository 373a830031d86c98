"""Checkpoints: the last record that a consumer has processed of each partition. Why: docs/adr/0007."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

from aiokafka import TopicPartition
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlmodel import Session

from services.kit.kafka.consumed_record import ConsumedRecord


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A processed record: its offset, and a digest of its content and time."""

    offset: int
    digest: str

    @classmethod
    def of(cls, record: ConsumedRecord) -> "Checkpoint":
        """The digest covers Kafka's time, because an event that is published again is another record."""
        return cls(record.offset, sha256(b"%d:%s" % (record.timestamp, record.digest.encode())).hexdigest())


class Checkpoints:
    """The table `consumer_checkpoint` of one service, on its own metadata: one row a consumer and partition."""

    def __init__(self, metadata: MetaData) -> None:
        self.rows = Table(
            "consumer_checkpoint",
            metadata,
            Column("consumer", String(50), primary_key=True),
            Column("topic", String(200), primary_key=True),
            Column("partition", Integer, primary_key=True, autoincrement=False),
            Column("offset", BigInteger, nullable=False),
            Column("digest", String(64), nullable=False),
        )

    def of(self, session: Session, consumer: str) -> dict[TopicPartition, Checkpoint]:
        found = session.execute(select(self.rows).where(self.rows.c.consumer == consumer))
        return {TopicPartition(row.topic, row.partition): Checkpoint(row.offset, row.digest) for row in found}

    def add(self, session: Session, consumer: str, new: Mapping[TopicPartition, Checkpoint]) -> None:
        """Store those of partitions without one; raises IntegrityError when another process adds one meanwhile."""
        known = self.of(session, consumer)
        for partition, one in new.items():
            if partition not in known:
                names = {"consumer": consumer, "topic": partition.topic, "partition": partition.partition}
                session.execute(insert(self.rows).values(**names, offset=one.offset, digest=one.digest))

    def replace(
        self, session: Session, consumer: str, pairs: Mapping[TopicPartition, tuple[Checkpoint, Checkpoint]]
    ) -> None:
        """Replace the first of each pair, if it is still stored, by the second."""
        rows = self.rows
        for partition, (old, new) in pairs.items():
            still = (rows.c.offset == old.offset) & (rows.c.digest == old.digest)
            values = {"offset": new.offset, "digest": new.digest}
            session.execute(update(rows).where(self._at(consumer, partition), still).values(values))

    def forget(self, session: Session, consumer: str, partitions: Collection[TopicPartition]) -> None:
        for partition in partitions:
            session.execute(delete(self.rows).where(self._at(consumer, partition)))

    def _at(self, consumer: str, partition: TopicPartition) -> ColumnElement[bool]:
        values = {"consumer": consumer, "topic": partition.topic, "partition": partition.partition}
        return and_(*(self.rows.c[name] == value for name, value in values.items()))
