"""What the worker does with a batch: read the events, settle each handler's share, set aside what cannot be taken."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from prometheus_client import Counter

from services.contracts import topics
from services.contracts.events import Event, MalformedEvent, read_event
from services.kit.dead_letters.publisher import DeadLetterPublisher
from services.kit.dead_letters.retries import DeadLetterRetries, retrying
from services.kit.errors import PermanentError
from services.kit.http.health import Health
from services.kit.kafka.batch_processor import BatchProcessor
from services.kit.kafka.clients import make_producer, reach, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.topic_watch import TopicWatch
from services.referral.adapters.history import HISTORY
from services.referral.bootstrap import ReferralService, bootstrap
from services.referral.entrypoints.stewarding import stewarding
from services.referral.entrypoints.sweeping import keeping_deadlines
from services.referral.entrypoints.watching import looking, watching
from services.referral.settings import ReferralSettings

log = structlog.get_logger()
CONSUMER = "referral-worker"
STUCK_AFTER = 60.0
"""Seconds that one batch may take before readiness turns red."""
GRACE = 10.0
"""Seconds that what is in hand has to end when the worker leaves by itself."""

taken = Counter("worker_events_total", "Events settled", ["topic"])

Handler = Callable[[Sequence[Event]], Awaitable[None]]


@dataclass
class Consumers:
    """One settler a topic, the watch over their logs, and their health."""

    settlers: dict[str, BatchProcessor[ConsumedRecord]]
    watch: TopicWatch
    health: Health
    _began: dict[str, float] = field(default_factory=dict)
    _stopped: str = ""
    _leaving: bool = False
    _nothing_in_hand: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, topic: str, messages: Sequence[Any]) -> None:
        """Settle a batch of one topic; raises TooManyDeadLetters."""
        if self._leaving:
            await asyncio.Event().wait()  # to return would acknowledge it
        self._began[topic] = time.monotonic()
        batch = [
            ConsumedRecord(m.topic, m.partition, m.offset, m.key, m.value, round(m.timestamp * 1000)) for m in messages
        ]
        await self.settlers[topic].settle(batch)
        await self.watch.settled(batch)
        del self._began[topic]
        if self._leaving and not self._began:
            self._nothing_in_hand.set()
        taken.labels(topic).inc(len(batch))

    async def leave(self, within: float) -> None:
        """Begin nothing more, and give what is in hand so many seconds: what was claimed is better recorded as well."""
        self._leaving = True
        if self._began:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nothing_in_hand.wait(), within)

    async def take_again(self, message: ConsumedRecord) -> None:
        """Hand a dead letter to its topic's handlers, past the settler and its counts; raises what they raise."""
        name = next((name for name in self.settlers if message.topic.endswith(f".{name}")), None)
        if name is None:
            raise PermanentError(f"topic: nobody here takes {message.topic}")
        await self.settlers[name].handle([message])

    def stop(self, reason: str) -> None:
        """Say, by a red readiness, that nothing more is consumed."""
        log.critical("worker.stopped", reason=reason)
        self._stopped = reason

    async def going_on(self) -> None:
        """A readiness check: raises RuntimeError when consuming has stopped or stands still."""
        if self._stopped:
            raise RuntimeError(self._stopped)
        now = time.monotonic()
        stuck = [topic for topic, since in self._began.items() if now - since > STUCK_AFTER]
        if stuck:
            raise RuntimeError(f"a batch of {', '.join(stuck)} takes longer than {STUCK_AFTER:.0f} s")


def _taker(*handlers: Handler) -> Callable[[Sequence[ConsumedRecord]], Awaitable[None]]:
    async def take(batch: Sequence[ConsumedRecord]) -> None:
        try:
            events = [event for message in batch if (event := read_event(message.value))]
        except MalformedEvent as error:
            raise PermanentError(str(error)) from None
        for handler in handlers:
            await handler(events)

    return take


def _settlers(service: ReferralService, letters: DeadLetterPublisher) -> dict[str, BatchProcessor[ConsumedRecord]]:
    takers = {
        topics.DIAGNOSES: _taker(service.place_children),
        topics.REFERRALS: _taker(service.move_on, service.occupy, service.give_back, service.open_center),
        topics.CAPACITY: _taker(service.take_handovers),
    }
    return {
        name: BatchProcessor(f"worker.{name}", take, letters.set_aside, letters.record) for name, take in takers.items()
    }


async def begin_again(consumers: Consumers, partitions: int) -> None:
    """End the process, which begins again when it is started. What Faust commits until then is undone at that start."""
    log.critical("worker.kafka_forgot", partitions=partitions, reason="it will begin again")
    await consumers.leave(GRACE)
    os._exit(os.EX_TEMPFAIL)


@asynccontextmanager
async def open_consumers(
    settings: ReferralSettings, forgotten: Callable[[Consumers, int], Awaitable[None]] = begin_again
) -> AsyncIterator[Consumers]:
    """The consumers of one worker process; `forgotten` is told of how many partitions the log is another one."""
    producer = make_producer(settings, "referral-worker")
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(bootstrap(settings))
        await stack.enter_async_context(started(producer))
        swept = await stack.enter_async_context(keeping_deadlines(service))
        stewarded = await stack.enter_async_context(stewarding(service))
        watch = await stack.enter_async_context(watching(service))
        letters = DeadLetterPublisher(producer, service.letters, CONSUMER)
        consumers = Consumers(_settlers(service, letters), watch, Health())
        await stack.enter_async_context(looking(watch, partial(forgotten, consumers)))
        retries = DeadLetterRetries(service.letters, CONSUMER, consumers.take_again)
        retried = await stack.enter_async_context(retrying(retries))
        consumers.health.checks |= {
            "database": service.database.ping,
            "migrated": lambda: HISTORY.check(service.database),
            "kafka": lambda: reach(producer),
            "consuming": consumers.going_on,
            "dead_letters": retried.check,
            "progress": watch.check,
            "deadlines": swept.check,
            "steward": stewarded.check,
            "capacity": service.steward.check,
        }
        yield consumers
