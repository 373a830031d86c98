"""A record that was consumed from Kafka."""

from dataclasses import dataclass
from hashlib import sha256

from aiokafka import ConsumerRecord


@dataclass(frozen=True, slots=True)
class ConsumedRecord:
    """Full topic name, position, and bytes. `timestamp` is Kafka's, in epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0

    @classmethod
    def of(cls, record: ConsumerRecord) -> "ConsumedRecord":
        return cls(record.topic, record.partition, record.offset, record.key, record.value, record.timestamp)

    @property
    def digest(self) -> str:
        """SHA-256 of key and value, which does not depend on partition and offset."""
        parts = (b"-" if part is None else b"%d:" % len(part) + part for part in (self.key, self.value))
        return sha256(b"".join(parts)).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")
