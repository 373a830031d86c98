"""The worker's consumers: read the events of a batch, have them handled, dead-letter what cannot be processed."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from services.contracts import topics
from services.contracts.events import DiagnosisRecordedV1, Event, MalformedEvent, read_event
from services.kit.dead_letters.channel import EARLY, SqlDeadLetterChannel
from services.kit.dead_letters.retries import DeadLetterRetries
from services.kit.errors import Early, PermanentError
from services.kit.http.health import Health
from services.kit.kafka.batch_processor import BatchProcessor
from services.kit.kafka.clients import make_producer, reach, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.loops import background
from services.kit.sql.readiness import check_writable
from services.kit.tracing import Work, spans
from services.referral.adapters.history import HISTORY
from services.referral.bootstrap import bootstrap
from services.referral.entrypoints.sweeping import sweeping
from services.referral.entrypoints.topic_watching import watch_topics, watched_topics
from services.referral.entrypoints.upkeep import upkeep
from services.referral.handlers.reactions import Reactions
from services.referral.metrics import worker_events
from services.referral.settings import ReferralSettings

log = structlog.get_logger()
CONSUMER = "referral-worker"
STUCK_AFTER = 60.0
"""Seconds that one batch may take before readiness turns red."""
GRACE = 10.0
"""Seconds that a batch in hand has to end when the worker leaves by itself."""
EARLY_PAUSE = 0.05
"""Seconds after which an early event is tried once more before it is parked: its precondition is often in hand."""


@dataclass(frozen=True)
class TopicHandler:
    """Handles a batch of one topic's records; the records that came early."""

    topic: str
    reactions: Reactions
    key: bytes = b""
    """With which intake signs."""

    @property
    def consumer(self) -> str:
        return f"worker.{self.topic}"

    async def __call__(self, batch: Sequence[ConsumedRecord]) -> Sequence[ConsumedRecord]:
        if early := await self._react(batch):
            await asyncio.sleep(EARLY_PAUSE)
            early = await self._react(early)
        return early

    async def _react(self, batch: Sequence[ConsumedRecord]) -> Sequence[ConsumedRecord]:
        try:
            read = [(record, event) for record in batch if (event := read_event(record.value, self.key))]
        except MalformedEvent as error:
            raise PermanentError(str(error)) from None
        for _, event in read:
            _require_own_id(event, self.topic)
        with spans("CONSUMER", (_work(event, self.topic) for _, event in read), f"process {self.topic}"):
            early = await self.reactions(self.consumer, [event for _, event in read])
        return [record for record, event in read if event.envelope.id in early]


def _work(event: Event, topic: str) -> Work:
    subject = str(getattr(event.data, "referral_id", None) or event.data.key)
    about = {"messaging.system": "kafka", "joldama.event": event.envelope.type, "joldama.subject": subject}
    return Work(f"process {topic}", subject, event.envelope.traceparent, about)


def _require_own_id(event: Event, topic: str) -> None:
    """An id has its effect once in a topic, so an event that takes another's id would keep that one from its own.

    Raises PermanentError. The ids of intake's other events are verified with what they tell.
    """
    if topic not in event.data.TOPICS:
        raise PermanentError(f"type: {event.envelope.type} is no event of {topic}")
    if type(event.data) is DiagnosisRecordedV1 and event.envelope.id != str(event.data.referral_id):
        raise PermanentError("id: of a submission it is the referral's")


@dataclass
class Consumers:
    """One batch processor a topic, the watch over the topics, and their health."""

    processors: dict[str, BatchProcessor[ConsumedRecord]]
    watch: TopicWatch
    health: Health
    stuck_after: float = STUCK_AFTER
    _began: dict[str, float] = field(default_factory=dict)
    _stopped: str = ""
    _leaving: bool = False
    _nothing_in_hand: asyncio.Event = field(default_factory=asyncio.Event)

    async def process(self, topic: str, messages: Sequence[Any]) -> None:
        """Process a batch of one topic; raises TooManyDeadLetters."""
        if self._leaving:
            await asyncio.Event().wait()  # to return would acknowledge it
        self._began[topic] = time.monotonic()
        batch = [
            ConsumedRecord(m.topic, m.partition, m.offset, m.key, m.value, round(m.timestamp * 1000)) for m in messages
        ]
        await self.processors[topic].process(batch)
        await self.watch.processed(batch)
        del self._began[topic]
        if self._leaving and not self._began:
            self._nothing_in_hand.set()
        worker_events.labels(topic).inc(len(batch))

    async def leave(self, within: float) -> None:
        """Begin nothing more, and let batches in hand end within so many seconds: a grant is better recorded too."""
        self._leaving = True
        if self._began:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nothing_in_hand.wait(), within)

    async def retry(self, message: ConsumedRecord) -> None:
        """Handle a dead letter, past the processor and its counts; raises the handlers' errors, and Early."""
        name = next((name for name in self.processors if message.topic.endswith(f".{name}")), None)
        if name is None:
            raise PermanentError(f"topic: {message.topic} has no consumer here")
        if await self.processors[name].handle([message]):
            raise Early(EARLY)

    def stop(self, reason: str) -> None:
        """Turn readiness red: nothing more is consumed."""
        log.critical("worker.stopped", reason=reason)
        self._stopped = reason

    async def check(self) -> None:
        """A readiness check: raises RuntimeError when consuming has stopped or a batch is stuck."""
        if self._stopped:
            raise RuntimeError(self._stopped)
        now = time.monotonic()
        stuck = [topic for topic, since in self._began.items() if now - since > self.stuck_after]
        if stuck:
            raise RuntimeError(f"a batch of {', '.join(stuck)} takes longer than {self.stuck_after:.0f} s")


def _processors(
    reactions: Reactions, dead_letters: SqlDeadLetterChannel, key: bytes
) -> dict[str, BatchProcessor[ConsumedRecord]]:
    handlers = [TopicHandler(name, reactions, key) for name in topics.WORKER]
    return {one.topic: BatchProcessor(one.consumer, one, dead_letters) for one in handlers}


async def restart(consumers: Consumers, partitions: int) -> None:
    """End the process; at its next start the group is rewound, whatever Faust commits until then."""
    log.critical("worker.kafka_forgot", partitions=partitions, reason="it will rewind and restart")
    await consumers.leave(GRACE)
    os._exit(os.EX_TEMPFAIL)


@asynccontextmanager
async def open_consumers(
    settings: ReferralSettings, on_recreated: Callable[[Consumers, int], Awaitable[None]] = restart, **seams: Any
) -> AsyncIterator[Consumers]:
    """The consumers of one worker process, with the loops beside them.

    `on_recreated` is called with the number of partitions whose log was recreated; `seams` go to `bootstrap`.
    """
    producer = make_producer(settings, "referral-worker")
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(bootstrap(settings, **seams))
        await stack.enter_async_context(started(producer))
        swept = await stack.enter_async_context(sweeping(service))
        kept_up = await stack.enter_async_context(upkeep(service))
        watch = await stack.enter_async_context(watched_topics(service))
        dead_letters = SqlDeadLetterChannel(producer, service.dead_letters, CONSUMER)
        consumers = Consumers(_processors(service.reactions, dead_letters, settings.signing_key), watch, Health())
        retries = DeadLetterRetries(service.dead_letters, CONSUMER, consumers.retry)
        recreated = partial(on_recreated, consumers)
        await stack.enter_async_context(background(watch_topics(watch, recreated), retries.run()))
        consumers.health.checks |= {
            "database": lambda: check_writable(service.database),
            "migrated": lambda: HISTORY.check(service.database),
            "kafka": lambda: reach(producer),
            "consuming": consumers.check,
            "dead_letters": retries.progress.check,
            "progress": watch.check,
            "deadlines": swept.check,
            "upkeep": kept_up.check,
            "capacity": service.rebuilder.check,
        }
        yield consumers
