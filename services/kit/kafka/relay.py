"""The relay: publishes stored events to Kafka in batches. Of several processes the holder of a lease is active."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError

from services.kit.errors import TransientError
from services.kit.kafka.publisher import Publisher
from services.kit.loops import background, run_periodically
from services.kit.metrics import relay_published, relay_republished
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from services.kit.retry import retry

log = structlog.get_logger()
BATCH = 1000
WAIT = 1.0
"""Seconds without an event after which the lease is renewed; also how often a standby asks for it."""
VERIFY_EVERY = 60.0
"""Seconds between two checks that Kafka still has what it acknowledged."""
FAILURES = (TransientError, KafkaError, OSError)


class RelayStore(Protocol):
    """Stored events in order, and their acknowledgements. Raises TransientError.

    The last two methods are fenced: they raise LeaseLost when another relay has acquired the lease meanwhile.
    """

    async def acquire(self) -> bool:
        """Acquire or renew the lease; False while another relay holds it."""
        ...

    async def renew(self) -> None:
        """Renew the lease, also one that has run out, unless another relay has acquired it."""
        ...

    async def release(self) -> None: ...

    async def pending(self, limit: int, seconds: float) -> Sequence[OutgoingEvent]:
        """The next events; when there are none, wait up to `seconds` for one."""
        ...

    async def checkpoints(self) -> Sequence[Acknowledgement]:
        """The last acknowledged event of each partition."""
        ...

    async def measure(self) -> None:
        """Called at each step, also while Kafka is away: set the gauges of what is pending, now and then."""
        ...

    async def trim(self) -> None:
        """Called after each verification: delete old events that Kafka has acknowledged."""
        ...

    async def acknowledge(self, batch: Sequence[OutgoingEvent], newest: Collection[Acknowledgement]) -> None:
        """Record that Kafka has `batch`, the first pending events; `newest` is the last of each partition."""
        ...

    async def republish(self, topics: Collection[str]) -> None:
        """Make all stored events of `topics` pending again."""
        ...


@dataclass
class Relay:
    """`run()` until cancelled. Every failure is retried; nothing is skipped."""

    store: RelayStore
    publisher: Publisher
    progress: Callable[[], None] = lambda: None
    wait: float = WAIT
    _verify_at: float = 0.0
    _at_work: bool = False
    _acknowledged: dict[tuple[str, int], Acknowledgement] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled; then the lease is released."""
        try:
            async with background(run_periodically("relay.renewal", self._renew, self.wait)):
                while True:
                    await retry("relay", self.step, FAILURES)
        finally:
            with suppress(TransientError):  # the lease ends by itself
                await self.store.release()

    async def _renew(self) -> None:
        """Amid a step, which may wait for Kafka longer than the lease lasts."""
        if self._at_work:
            await self.store.renew()

    async def step(self) -> int:
        """Acquire the lease, verify what Kafka has, publish one batch; how many events were acknowledged."""
        try:
            return await self._step()
        except FAILURES:
            self._verify_at = 0.0
            raise
        finally:
            self._at_work = False

    async def _step(self) -> int:
        if not await self.store.acquire():
            self.progress()
            self._verify_at = 0.0  # another publishes meanwhile
            await asyncio.sleep(self.wait)
            return 0
        self._at_work = True
        await self.store.measure()
        if time.monotonic() >= self._verify_at:
            await self.verify()
            await self.store.trim()
            self._verify_at = time.monotonic() + VERIFY_EVERY
        batch = await self.store.pending(BATCH, self.wait)
        published = await self._publish(batch) if batch else 0
        self.progress()
        return published

    async def verify(self) -> None:
        """Republish each topic that has another record at its last acknowledged offset."""
        checkpoints = await self.store.checkpoints()
        lost = {one.topic for one in checkpoints if not await self.publisher.has(one)}
        self._acknowledged = {(one.topic, one.partition): one for one in checkpoints if one.topic not in lost}
        await self._republish(lost)

    async def _publish(self, batch: Sequence[OutgoingEvent]) -> int:
        acknowledged = await self.publisher.publish(batch)
        # A recreated log gives an offset again: recording it would hide what the old log has lost.
        last = {at: one.offset for at, one in self._acknowledged.items()}
        if recreated := {one.topic for one in acknowledged if one.offset <= last.get((one.topic, one.partition), -1)}:
            await self._republish(recreated)
            return 0
        if acknowledged:
            newest = {(one.topic, one.partition): one for one in acknowledged}
            await self.store.acknowledge(batch[: len(acknowledged)], newest.values())
            self._acknowledged |= newest
            for topic, number in Counter(one.topic for one in acknowledged).items():
                relay_published.labels(topic).inc(number)
        if len(acknowledged) < len(batch):
            raise TransientError(f"Kafka took {len(acknowledged)} of {len(batch)} events")
        return len(batch)

    async def _republish(self, topics: Collection[str]) -> None:
        if not topics:
            return
        await self.store.republish(topics)
        self._acknowledged = {at: one for at, one in self._acknowledged.items() if one.topic not in topics}
        for topic in sorted(topics):
            log.error("relay.kafka_forgot", topic=topic)
            relay_republished.labels(topic).inc()
