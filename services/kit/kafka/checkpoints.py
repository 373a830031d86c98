"""The record by which a consumer knows a log again, beside its effects: one row a partition."""

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
    """A settled record: where it lay, and what it was."""

    offset: int
    digest: str


def mark(record: ConsumedRecord) -> Checkpoint:
    """The mark of a record. Its time belongs to it: published again, the same event is another record."""
    return Checkpoint(record.offset, sha256(b"%d:%s" % (record.timestamp, record.digest.encode())).hexdigest())


class Positions:
    """The table `consumer_position` of one service, on its own metadata."""

    def __init__(self, metadata: MetaData) -> None:
        self.rows = Table(
            "consumer_position",
            metadata,
            Column("consumer", String(50), primary_key=True),
            Column("topic", String(200), primary_key=True),
            Column("partition", Integer, primary_key=True, autoincrement=False),
            Column("offset", BigInteger, nullable=False),
            Column("digest", String(64), nullable=False),
        )

    def of(self, session: Session, consumer: str) -> dict[TopicPartition, Checkpoint]:
        """What `consumer` remembers."""
        found = session.execute(select(self.rows).where(self.rows.c.consumer == consumer))
        return {TopicPartition(row.topic, row.partition): Checkpoint(row.offset, row.digest) for row in found}

    def begin(self, session: Session, consumer: str, marks: Mapping[TopicPartition, Checkpoint]) -> None:
        """Remember `marks` where nothing is; raises IntegrityError when another process does so meanwhile."""
        known = self.of(session, consumer)
        for place, one in marks.items():
            if place not in known:
                names = {"consumer": consumer, "topic": place.topic, "partition": place.partition}
                session.execute(insert(self.rows).values(**names, offset=one.offset, digest=one.digest))

    def replace(
        self, session: Session, consumer: str, marks: Mapping[TopicPartition, tuple[Checkpoint, Checkpoint]]
    ) -> None:
        """Remember the second of each pair where the first still is."""
        rows = self.rows
        for place, (old, new) in marks.items():
            still = (rows.c.offset == old.offset) & (rows.c.digest == old.digest)
            values = {"offset": new.offset, "digest": new.digest}
            session.execute(update(rows).where(self._at(consumer, place), still).values(values))

    def forget(self, session: Session, consumer: str, places: Collection[TopicPartition]) -> None:
        for place in places:
            session.execute(delete(self.rows).where(self._at(consumer, place)))

    def _at(self, consumer: str, place: TopicPartition) -> ColumnElement[bool]:
        values = {"consumer": consumer, "topic": place.topic, "partition": place.partition}
        return and_(*(self.rows.c[name] == value for name, value in values.items()))
