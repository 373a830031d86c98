"""Whether a consumer stands still: there is something to take, and for some time it has taken nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition


@dataclass
class StallDetector:
    """Told at times (seconds of any one clock) how far a consumer is. A backlog that moves is no standstill."""

    within: float = 60.0
    lag: dict[TopicPartition, int] = field(default_factory=dict)
    _waits: dict[TopicPartition, tuple[int, float]] = field(default_factory=dict)
    """Where something waits: the position, and since when it has been that."""
    _now: float = 0.0

    def observe(self, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], now: float) -> None:
        """Next offsets to take, and next offsets to be written, of every partition that is there."""
        self._now = now
        self.lag = {place: max(0, end - positions.get(place, 0)) for place, end in ends.items()}
        for place, lag in self.lag.items():
            position = positions.get(place, 0)
            if not lag:
                self._waits.pop(place, None)
            elif place not in self._waits or self._waits[place][0] != position:
                self._waits[place] = position, now

    def standing(self) -> dict[str, float]:
        """Topic to seconds, of those with a partition that stood still for too long when it was last observed."""
        found: dict[str, float] = {}
        for place, (_, since) in self._waits.items():
            seconds = self._now - since
            if place in self.lag and seconds > self.within:
                found[place.topic] = max(seconds, found.get(place.topic, 0.0))
        return found

    def by_topic(self) -> dict[str, int]:
        """Topic to the number of records that wait in it."""
        found: dict[str, int] = {}
        for place, lag in self.lag.items():
            found[place.topic] = found.get(place.topic, 0) + lag
        return found
