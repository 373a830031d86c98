"""The relay's store on Redis or Valkey: the stream of steps, a lease, and checkpoints."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson

from services.capacity.adapters.redis_scripts import RedisScripts, Reply
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.adapters.unreadable import set_aside
from services.capacity.domain.step import START, Step, StepId, UnreadableStep
from services.contracts.events import write_event
from services.contracts.topics import CAPACITY
from services.kit.errors import LeaseLost
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent

SOURCE = "/joldama/capacity"
MISSING = 2**63 - 1
"""An offset that no log has."""
KEEP = timedelta(days=7)
"""How long the stream keeps acknowledged steps: as long as Kafka itself."""


@dataclass
class RedisRelayStore:
    """The RelayStore port of the kit."""

    scripts: RedisScripts
    steps: RedisSteps
    lease_ms: int = 3_000
    owner: str = field(default_factory=lambda: uuid4().hex)
    _relayed: StepId = START
    _pending: list[StepId] = field(default_factory=list)
    """The step of each event that was last returned as pending."""

    async def acquire(self) -> bool:
        acquired, *relayed = await self._run("acquire_lease", self.lease_ms)
        if acquired:
            self._relayed = _relayed(relayed[0])
        return bool(acquired)

    async def renew(self) -> None:
        await self._run("renew_lease", self.lease_ms)

    async def release(self) -> None:
        await self._run("release_lease")

    async def pending(self, limit: int, seconds: float) -> Sequence[OutgoingEvent]:
        steps = await self.steps.wait(self._relayed, limit, seconds)
        found = [(step.id, one) for step in steps for one in outgoing(step)]
        self._pending = [id for id, _ in found]
        return [one for _, one in found]

    async def checkpoints(self) -> Sequence[Acknowledgement]:
        found: dict[bytes, bytes] = await self.scripts.ask("HGETALL", self.scripts.checkpoints)
        return [_checkpoint(at.decode(), value.decode()) for at, value in found.items() if at != b"relayed"]

    async def measure(self) -> None:
        """No gauges: the audit checks that the steps are in Kafka."""

    async def trim(self) -> None:
        while await self.steps.trim(self._relayed, datetime.now(UTC) - KEEP):
            pass

    async def acknowledge(self, batch: Sequence[OutgoingEvent], newest: Collection[Acknowledgement]) -> None:
        whole = len(batch)
        while 0 < whole < len(self._pending) and self._pending[whole] == self._pending[whole - 1]:
            whole -= 1  # of a step with two events only one is in Kafka
        relayed = self._pending[whole - 1] if whole else self._relayed
        words = [word for one in newest for word in (f"{one.topic} {one.partition}", f"{one.offset} {one.event_id}")]
        await self._acknowledge(str(relayed), *words)

    async def republish(self, topics: Collection[str]) -> None:
        """Publish the stream from its beginning, whichever topic was recreated."""
        await self._acknowledge("")
        self._relayed = START

    async def _acknowledge(self, *words: str) -> None:
        if not (await self._run("acknowledge", *words))[0]:
            raise LeaseLost("the relay's lease is another process's")

    async def _run(self, script: str, *arguments: str | int) -> Reply:
        keys = [self.scripts.lease, self.scripts.checkpoints]
        return await self.scripts.run(script, self.owner, *arguments, keys=keys)


def _relayed(stored: bytes) -> StepId:
    """The last step that Kafka has acknowledged; START, from which all is published again, where there is none."""
    try:
        return StepId.stored(stored.decode()) if stored else START
    except ValueError:
        set_aside("checkpoint", "relayed", "is no step's id")
        return START


def _checkpoint(at: str, value: str) -> Acknowledgement:
    """A stored checkpoint; one that cannot be read is none that Kafka has, and its topic is published again."""
    topic, _, partition = at.rpartition(" ")
    offset, _, event_id = value.partition(" ")
    if partition.isdigit() and offset.isdigit():
        return Acknowledgement(topic, int(partition), int(offset), event_id)
    set_aside("checkpoint", at[:100], "is no offset of a partition")
    return Acknowledgement(CAPACITY, 0, MISSING, "")


def outgoing(step: Step | UnreadableStep) -> list[OutgoingEvent]:
    """The step's CloudEvent for each of its topics: the same bytes and id however often it is published.

    An entry that cannot be read is a dead letter of its topic.
    """
    if isinstance(step, UnreadableStep):
        event_id = f"capacity-{step.id}"
        letter = orjson.dumps({"id": event_id, "reason": step.reason, "entry": step.fields})
        return [OutgoingEvent(f"{CAPACITY}.dlq", str(step.id), letter, event_id)]
    payload = write_event(step.data, event_id=step.event_id, source=SOURCE, time=step.at, traceparent=step.traceparent)
    return [OutgoingEvent(topic, step.data.key, payload, step.event_id) for topic in step.data.TOPICS]
