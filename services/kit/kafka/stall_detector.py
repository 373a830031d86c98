"""The stall detector: a consumer is stalled when it has unread records and its position does not move."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition


@dataclass
class StallDetector:
    """Observes positions and unread records over time, in seconds of any one clock."""

    within: float = 60.0
    unread: Mapping[TopicPartition, int] = field(default_factory=dict)
    _waits: dict[TopicPartition, tuple[int, float]] = field(default_factory=dict)
    """The position of each partition with unread records, and since when it has not moved."""
    _now: float = 0.0

    def observe(
        self, positions: Mapping[TopicPartition, int], unread: Mapping[TopicPartition, int], now: float
    ) -> None:
        """Next offsets to consume, and unread records of every existing partition."""
        self._now, self.unread = now, unread
        for partition, count in unread.items():
            position = positions.get(partition, 0)
            if not count:
                self._waits.pop(partition, None)
            elif self._waits.get(partition, (None, 0.0))[0] != position:
                self._waits[partition] = position, now

    def stalled(self) -> dict[str, float]:
        """The seconds by topic of each topic that had a stalled partition at the last observation."""
        found: dict[str, float] = {}
        for partition, (_, since) in self._waits.items():
            seconds = self._now - since
            if partition in self.unread and seconds > self.within:
                found[partition.topic] = max(seconds, found.get(partition.topic, 0.0))
        return found

    def lag(self) -> Mapping[str, int]:
        """The number of unread records by topic."""
        found = Counter[str]()
        for partition, count in self.unread.items():
            found[partition.topic] += count
        return found
