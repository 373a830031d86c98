"""What the relay's tests stand on: a Kafka in memory, the store on a real server, and steps to relay."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.capacity.adapters.redis_relay_store import KEEP, RedisRelayStore
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.domain.figures import stale_after
from services.capacity.ports import Store
from services.contracts.topics import CAPACITY, HANDOVERS
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from tests.integration.capacity.network import NOW, claim, opening, release, steps

LONG_AGO = datetime.now(UTC) - KEEP - timedelta(days=30)


class Log:
    """Kafka in memory: a log a topic, from which records may be lost, and which takes only `takes` of a batch."""

    def __init__(self) -> None:
        self.topics: dict[str, list[str]] = {CAPACITY: [], HANDOVERS: [], f"{CAPACITY}.dlq": []}
        self.takes: int | None = None

    async def publish(self, messages: Sequence[OutgoingEvent]) -> list[Acknowledgement]:
        acknowledged = []
        for one in messages[: self.takes]:
            self.topics[one.topic].append(one.event_id)
            acknowledged.append(Acknowledgement(one.topic, 0, len(self.topics[one.topic]) - 1, one.event_id))
        return acknowledged

    async def has(self, one: Acknowledgement) -> bool:
        return self.topics[one.topic][one.offset : one.offset + 1] == [one.event_id]


class UnwatchedLog(Log):
    """Never asked whether it still has what it took: only the offsets show that it was recreated."""

    async def has(self, one: Acknowledgement) -> bool:
        return True


def relay_store(scripts: RedisScripts, owner: str = "one", lease_ms: int = 60_000) -> RedisRelayStore:
    return RedisRelayStore(scripts, RedisSteps(scripts, stale_after(7)), lease_ms, owner)


async def hand_over(store: Store, at: datetime = NOW) -> None:
    """Six steps, the last a hand-over: a is set, 1 holds it, 2 and 3 wait, 1 releases it to 2."""
    await store.programmes.open_programme(opening("a", 1), at)
    for number in (1, 2, 3):
        await claim(store, number, "a", at=at)
    await release(store, 1, at=at)


async def noted(scripts: RedisScripts) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = await scripts.ask("HGETALL", scripts.checkpoints)
    return found


async def event_ids(store: Store) -> list[str]:
    return [step.event_id for step in await steps(store)]
