"""Events on their way, as Kafka keeps them: in order within a partition, taken in batches, and taken again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from zlib import crc32

from services.contracts.events import Event

PARTITIONS = 2


def _logs() -> list[list[Event]]:
    return [[] for _ in range(PARTITIONS)]


@dataclass
class Topic:
    """One topic's logs, and how far the worker has acknowledged each."""

    logs: list[list[Event]] = field(default_factory=_logs)
    taken: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def add(self, events: Iterable[Event]) -> None:
        for one in events:
            self.logs[crc32(one.envelope.subject.encode()) % PARTITIONS].append(one)

    def next(self, most: int) -> tuple[list[Event], list[int]]:
        """A batch of up to `most` events a partition, and what is to be acknowledged when it is settled."""
        behind = [min(at + most, len(log)) for at, log in zip(self.taken, self.logs, strict=True)]
        parts = zip(self.logs, self.taken, behind, strict=True)
        return [one for log, at, end in parts for one in log[at:end]], behind

    def acknowledge(self, behind: list[int]) -> None:
        self.taken = behind

    def again(self, most: int) -> None:
        """The last `most` of each partition come again: after a crash, or because they were published again."""
        self.taken = [max(0, at - most) for at in self.taken]

    def forget(self, most: int) -> None:
        """The last events that were not taken yet are lost before they were published."""
        for log, at in zip(self.logs, self.taken, strict=True):
            del log[max(at, len(log) - most) :]

    @property
    def waiting(self) -> list[Event]:
        return [one for log, at in zip(self.logs, self.taken, strict=True) for one in log[at:]]

    @property
    def waits(self) -> int:
        return sum(len(log) - at for log, at in zip(self.logs, self.taken, strict=True))
