"""The relay: brings the stream of steps to Kafka in batches, and begins again when Kafka has forgotten them."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from prometheus_client import Counter

from services.capacity.domain.step import START, Step, StepId
from services.capacity.ports import Steps
from services.contracts.events import write_event
from services.contracts.topics import CAPACITY
from services.kit.errors import TransientError
from services.kit.kafka.publisher import Acknowledged, Outgoing, Publisher

log = structlog.get_logger()
SOURCE = "/joldama/capacity"
BATCH = 1000
VERIFY_EVERY = 60.0
KEEP = timedelta(days=7)
"""How long the stream keeps what Kafka has acknowledged: as long as Kafka itself."""
LOOK_EVERY = 1.0
"""Seconds that it waits for a step before it prolongs its lease; also how often a second relay asks for it."""

published = Counter("capacity_steps_published_total", "Steps acknowledged by Kafka")
trimmed = Counter("capacity_steps_trimmed_total", "Acknowledged steps that the stream has forgotten by age")
republished = Counter("capacity_stream_republished_total", "Times the stream was published from its beginning")


class Positions(Protocol):
    """One relay's lease, and how far the stream was relayed. Raises TransientError."""

    async def keep_lease(self) -> StepId | None:
        """The last step relayed, or None while another relay has the lease."""
        ...

    async def save(self, relayed: StepId, acknowledged: Iterable[Acknowledged]) -> bool:
        """Whether it was saved: not when the lease is another's by now."""
        ...

    async def acknowledged(self) -> list[Acknowledged]:
        """The last acknowledged of each partition."""
        ...

    async def forget(self) -> None: ...

    async def give_back(self) -> None: ...


@dataclass
class StepRelay:
    """`run()` until cancelled. Every failure is retried and said; nothing is skipped."""

    steps: Steps
    positions: Positions
    publisher: Publisher
    failures: tuple[type[Exception], ...] = (TransientError, OSError)
    progressed: Callable[[], None] = lambda: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _verify_at: float = 0.0
    _given: dict[int, int] = field(default_factory=dict)
    """By partition, the last offset that Kafka gave."""

    async def run(self) -> None:
        pause = 0.1
        while True:
            try:
                await self.turn()
                pause = 0.1
            except self.failures as error:
                log.warning("relay.retrying", reason=str(error) or type(error).__name__, seconds=pause)
                self._verify_at = 0.0
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def turn(self) -> int:
        """Keep the lease, look whether Kafka still has what it acknowledged, publish what there is."""
        relayed = await self.positions.keep_lease()
        self.progressed()
        if relayed is None:
            self._verify_at = 0.0  # another publishes meanwhile
            await asyncio.sleep(LOOK_EVERY)
            return 0
        if time.monotonic() >= self._verify_at:
            relayed = await self.verify(relayed)
            await self._trim(relayed)
            self._verify_at = time.monotonic() + VERIFY_EVERY
        steps = await self.steps.wait(relayed, BATCH, LOOK_EVERY)
        return await self._publish(steps) if steps else 0

    async def verify(self, relayed: StepId) -> StepId:
        """Where to go on: from the beginning when Kafka's record of a last acknowledged step is not that step."""
        acknowledged = await self.positions.acknowledged()
        self._given = {one.partition: one.offset for one in acknowledged}
        for one in acknowledged:
            if not await self.publisher.still_there(one.topic, one.partition, one.offset, one.event_id):
                await self._begin_again(one)
                return START
        return relayed

    async def _trim(self, relayed: StepId) -> None:
        while count := await self.steps.trim(relayed, self.clock() - KEEP):
            trimmed.inc(count)

    async def _begin_again(self, forgotten: Acknowledged) -> None:
        log.error("relay.kafka_forgot", partition=forgotten.partition, offset=forgotten.offset)
        republished.inc()
        self._given.clear()
        await self.positions.forget()

    async def _publish(self, steps: list[Step]) -> int:
        acknowledged = await self.publisher.publish([outgoing(step) for step in steps])
        # A log begun anew gives an offset again: to note it would hide what the old log has lost.
        again = next((one for one in acknowledged if one.offset <= self._given.get(one.partition, -1)), None)
        if again:
            await self._begin_again(again)
            return len(acknowledged)
        if acknowledged:
            newest = {one.partition: one for one in acknowledged}
            if not await self.positions.save(steps[len(acknowledged) - 1].id, newest.values()):
                raise TransientError("the lease has gone to another relay")
            self._given |= {one.partition: one.offset for one in acknowledged}
            published.inc(len(acknowledged))
        if len(acknowledged) < len(steps):
            raise TransientError(f"Kafka took {len(acknowledged)} of {len(steps)} steps")
        return len(steps)


def outgoing(step: Step) -> Outgoing:
    """The step's CloudEvent: the same bytes, under the same id, however often it is published."""
    payload = write_event(step.data, event_id=step.event_id, source=SOURCE, time=step.at)
    return CAPACITY, step.data.key, payload, step.event_id
