"""A consumer's watch over its topics: recreated logs, lag, and stalls.

A checkpoint is replaced only by a record that was processed before an inspection found the old one in its place. So a
consumer that went on in the middle of a recreated log is found out.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy.exc import IntegrityError

from services.kit.errors import TransientError, reason_of
from services.kit.kafka.checkpoints import Checkpoint, Checkpoints
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.log_identity import Inspection, LogIdentity, TopicInspector
from services.kit.kafka.stall_detector import StallDetector
from services.kit.loops import Progress
from services.kit.metrics import consumer_age, consumer_lag, consumer_rewound
from services.kit.retry import retry
from services.kit.sql.database import Database

log = structlog.get_logger()
EVERY = 5.0
"""Seconds between two inspections."""
SURE_AFTER = 1.0
"""Seconds until a log that looks recreated is inspected again: a new leader may be behind for a moment."""
STALLED_AFTER = 60.0
"""Seconds without progress before unread records that turn readiness red."""
FAILURES = (KafkaError, TransientError, OSError, TimeoutError)


class TopicWatch:
    """The watch of `consumer`, whose offsets `group` commits. One task inspects; `processed` may run meanwhile."""

    def __init__(
        self,
        database: Database,
        checkpoints: Checkpoints,
        inspector: TopicInspector,
        consumer: str,
        group: str,
        every: float = EVERY,
        sure_after: float = SURE_AFTER,
        stalled_after: float = STALLED_AFTER,
    ) -> None:
        self._database, self._checkpoints, self._inspector = database, checkpoints, inspector
        self.consumer, self._group, self._every, self._sure_after = consumer, group, every, sure_after
        self._known: set[TopicPartition] = set()
        self._processed: dict[TopicPartition, ConsumedRecord] = {}
        self._newest: dict[str, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._stalls, self._inspected = StallDetector(stalled_after), Progress(60.0)
        self._inspect_at = 0.0

    async def processed(self, batch: Sequence[ConsumedRecord]) -> None:
        """Note a batch, before its offsets are committed; a partition's first record becomes its checkpoint at once."""
        newest = {TopicPartition(one.topic, one.partition): one for one in batch}
        self._processed |= newest
        self._newest |= {one.topic: one.timestamp for one in newest.values()}
        if first := newest.keys() - self._known:
            new = {partition: Checkpoint.of(newest[partition]) for partition in first}
            await retry("watch", lambda: self._add(new), (TransientError, IntegrityError), first=0.5)
            self._known |= first

    async def _add(self, new: Mapping[TopicPartition, Checkpoint]) -> None:
        await self._database.write(lambda session: self._checkpoints.add(session, self.consumer, new))

    def due(self) -> bool:
        return time.monotonic() >= self._inspect_at

    async def recreated(self) -> set[TopicPartition]:
        """Inspect the topics; the partitions whose log was recreated. Raises one of FAILURES."""
        self._inspect_at = time.monotonic() + self._every
        processed, self._processed = self._processed, {}
        checkpoints = await self.checkpoints()
        found = await self._inspector.inspect(checkpoints)
        if suspects := found.recreated():
            await asyncio.sleep(self._sure_after)
            again = await self._inspector.inspect({partition: checkpoints[partition] for partition in suspects})
            found.identities |= again.identities
        await self._advance(checkpoints, processed, found)
        await self._measure(found)
        return found.recreated()

    async def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Delete the checkpoints of `partitions`, once these have been rewound."""
        await self._database.write(lambda session: self._checkpoints.forget(session, self.consumer, partitions))
        self._known -= set(partitions)
        self._processed = {at: one for at, one in self._processed.items() if at not in partitions}
        consumer_rewound.labels(self.consumer).inc(len(partitions))
        self._inspect_at = 0.0

    async def check(self) -> None:
        """A readiness check: raises TimeoutError while the consumer is stalled."""
        await self._inspected.check()
        if stalled := self._stalls.stalled():
            topics = ", ".join(f"{topic} for {seconds:.0f} s" for topic, seconds in sorted(stalled.items()))
            raise TimeoutError(f"stalled with unread records in {topics}")

    async def checkpoints(self) -> dict[TopicPartition, Checkpoint]:
        known = set(self._known)
        found = await self._database.read(lambda session: self._checkpoints.of(session, self.consumer))
        self._known -= known - found.keys()  # another process has rewound them
        return found

    async def _advance(
        self,
        checkpoints: Mapping[TopicPartition, Checkpoint],
        processed: Mapping[TopicPartition, ConsumedRecord],
        found: Inspection,
    ) -> None:
        onward = {
            partition: (checkpoints[partition], Checkpoint.of(processed[partition]))
            for partition, identity in found.identities.items()
            if identity in (LogIdentity.SAME, LogIdentity.TRIMMED) and partition in processed
        }
        if onward:
            await self._database.write(lambda session: self._checkpoints.replace(session, self.consumer, onward))

    async def _measure(self, found: Inspection) -> None:
        """Set the gauges. A failure says nothing of the logs; if it goes on, readiness turns red."""
        try:
            committed = await self._inspector.committed(self._group)
            positions = {at: max(begin, committed.get(at, 0)) for at, begin in found.begins.items()}
            unread = {at: await self._unread(at, positions[at], end) for at, end in found.ends.items()}
        except KafkaError as error:
            log.warning("watch.not_measured", consumer=self.consumer, reason=reason_of(error))
            return
        self._inspected()
        self._positions = positions
        self._stalls.observe(positions, unread, time.monotonic())
        for topic, lag in self._stalls.lag().items():
            consumer_lag.labels(self.consumer, topic).set(lag)
        for topic, timestamp in self._newest.items():
            consumer_age.labels(self.consumer, topic).set(max(0.0, time.time() - timestamp / 1000))

    async def _unread(self, partition: TopicPartition, position: int, end: int) -> int:
        """The number of records behind `position`; control records are left out once it stands still."""
        unread = max(0, end - position)
        if unread and self._positions.get(partition) == position:
            return unread if await self._inspector.has_record(partition, position, end) else 0
        return unread
