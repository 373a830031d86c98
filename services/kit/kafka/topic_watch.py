"""A consumer's watch over its logs: are they still the ones that it reads, and does it come on in them?

The remembered record is replaced only by one that was settled before a look found the remembered one in its place. So
a consumer that went on in the middle of another log cannot forget that it did, whatever it settles before it looks.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge
from sqlalchemy.exc import IntegrityError

from services.kit.errors import TransientError
from services.kit.http.health import Progress
from services.kit.kafka.checkpoints import Checkpoint, Positions, mark
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.log_identity import Log, Logs, Look
from services.kit.kafka.stall_detector import StallDetector
from services.kit.sql.database import Database

log = structlog.get_logger()
EVERY = 5.0
"""Seconds between two looks."""
SURE_AFTER = 1.0
"""Seconds after which a log that looks like another one is looked at again: a new leader may be behind for a moment."""
FAILURES = (KafkaError, TransientError, OSError, TimeoutError)

lag_gauge = Gauge("joldama_consumer_lag", "Records that wait to be taken", ["consumer", "topic"])
age_gauge = Gauge(
    "joldama_consumer_last_event_age_seconds", "Time since the event that was settled last", ["consumer", "topic"]
)
begun_again = Counter("joldama_consumer_begun_again_total", "Partitions begun again: another log", ["consumer"])


class TopicWatch:
    """The watch of `consumer`, whose offsets `group` commits. One task looks; `settled` may be called meanwhile."""

    def __init__(self, database: Database, positions: Positions, logs: Logs, consumer: str, group: str) -> None:
        self._database, self._positions, self._logs = database, positions, logs
        self.consumer, self._group = consumer, group
        self._known: set[TopicPartition] = set()
        self._settled: dict[TopicPartition, ConsumedRecord] = {}
        self._newest: dict[str, int] = {}
        self._standstill, self._looked = StallDetector(), Progress(60.0)
        self._look_at = 0.0

    async def settled(self, batch: Sequence[ConsumedRecord]) -> None:
        """To be called before the offsets of `batch` are committed: the first of a partition is remembered at once."""
        newest = {TopicPartition(one.topic, one.partition): one for one in batch}
        self._settled |= newest
        self._newest |= {one.topic: one.timestamp for one in newest.values()}
        if first := newest.keys() - self._known:
            await self._begin({place: mark(newest[place]) for place in first})
            self._known |= first

    def due(self) -> bool:
        return time.monotonic() >= self._look_at

    async def look(self) -> set[TopicPartition]:
        """Partitions whose log is not the one that was read. Raises one of FAILURES."""
        self._look_at = time.monotonic() + EVERY
        settled, self._settled = self._settled, {}
        marks = await self.remembered()
        look = await self._logs.look(marks)
        if look.others():
            await asyncio.sleep(SURE_AFTER)
            again = await self._logs.look({place: marks[place] for place in look.others()})
            look.logs |= again.logs
        await self._advance(marks, settled, look)
        await self._measure(look)
        return look.others()

    async def forget(self, places: Collection[TopicPartition]) -> None:
        """To be called when `places` have been begun again, and not before."""
        await self._database.write(lambda session: self._positions.forget(session, self.consumer, places))
        self._known -= set(places)
        self._settled = {place: one for place, one in self._settled.items() if place not in places}
        begun_again.labels(self.consumer).inc(len(places))
        self._look_at = 0.0

    async def check(self) -> None:
        """A readiness check: raises when there is something to take and it does not come on."""
        await self._looked.check()
        if standing := self._standstill.standing():
            told = ", ".join(f"{topic} for {seconds:.0f} s" for topic, seconds in sorted(standing.items()))
            raise TimeoutError(f"stands still before what waits in {told}")

    async def remembered(self) -> dict[TopicPartition, Checkpoint]:
        """A record of each partition by which its log is known again."""
        known = set(self._known)
        marks = await self._database.read(lambda session: self._positions.of(session, self.consumer))
        self._known -= known - marks.keys()  # another process has begun them again
        return marks

    async def _advance(
        self, marks: Mapping[TopicPartition, Checkpoint], settled: Mapping[TopicPartition, ConsumedRecord], look: Look
    ) -> None:
        onward = {
            place: (marks[place], mark(settled[place]))
            for place, log_ in look.logs.items()
            if log_ in (Log.SAME, Log.TRIMMED) and place in settled
        }
        if onward:
            await self._database.write(lambda session: self._positions.replace(session, self.consumer, onward))

    async def _measure(self, look: Look) -> None:
        """What fails here says nothing of the logs; when it goes on failing, readiness says so."""
        try:
            committed = await self._logs.committed(self._group)
        except KafkaError as error:
            log.warning("watch.not_measured", consumer=self.consumer, reason=str(error) or type(error).__name__)
            return
        self._looked()
        positions = {place: max(begin, committed.get(place, 0)) for place, begin in look.begins.items()}
        self._standstill.observe(positions, look.ends, time.monotonic())
        for topic, lag in self._standstill.by_topic().items():
            lag_gauge.labels(self.consumer, topic).set(lag)
        for topic, timestamp in self._newest.items():
            age_gauge.labels(self.consumer, topic).set(max(0.0, time.time() - timestamp / 1000))

    async def _begin(self, marks: Mapping[TopicPartition, Checkpoint]) -> None:
        while True:
            try:
                return await self._database.write(lambda session: self._positions.begin(session, self.consumer, marks))
            except (TransientError, IntegrityError) as error:
                log.warning("watch.retrying", consumer=self.consumer, reason=type(error).__name__)
                await asyncio.sleep(0.5)
