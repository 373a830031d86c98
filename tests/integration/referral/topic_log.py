"""A topic as Kafka keeps it: in order within a partition, read in batches, and read again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from zlib import crc32

from services.contracts.events import Event

PARTITIONS = 2


def _logs() -> list[list[Event]]:
    return [[] for _ in range(PARTITIONS)]


@dataclass
class TopicLog:
    """One topic's logs, and the committed offset of each."""

    logs: list[list[Event]] = field(default_factory=_logs)
    committed: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def add(self, events: Iterable[Event]) -> None:
        for one in events:
            self.logs[crc32(one.envelope.subject.encode()) % PARTITIONS].append(one)

    def next(self, most: int) -> tuple[list[Event], list[int]]:
        """A batch of up to `most` events a partition, and the offsets to commit when it was handled."""
        ends = [min(at + most, len(log)) for at, log in zip(self.committed, self.logs, strict=True)]
        parts = zip(self.logs, self.committed, ends, strict=True)
        return [one for log, at, end in parts for one in log[at:end]], ends

    def commit(self, ends: list[int]) -> None:
        self.committed = ends

    def rewind(self, most: int) -> None:
        """The last `most` of each partition come again: after a crash, or because they were published again."""
        self.committed = [max(0, at - most) for at in self.committed]

    def lose(self, most: int) -> None:
        """The last unread events are lost before they were published."""
        for log, at in zip(self.logs, self.committed, strict=True):
            del log[max(at, len(log) - most) :]

    @property
    def unread(self) -> list[Event]:
        return [one for log, at in zip(self.logs, self.committed, strict=True) for one in log[at:]]
