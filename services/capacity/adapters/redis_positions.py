"""The relay's lease, and how far Kafka acknowledged the stream, beside the stream itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.capacity.adapters.redis_scripts import RedisScripts, Reply
from services.capacity.domain.step import START, StepId
from services.contracts.topics import CAPACITY
from services.kit.kafka.publisher import Acknowledged


@dataclass(frozen=True)
class RedisPositions:
    """The Positions port for the relay named `owner`."""

    scripts: RedisScripts
    owner: str
    lease_ms: int = 3_000

    async def keep_lease(self) -> StepId | None:
        reply = await self._run("keep_lease", self.owner, self.lease_ms)
        if not reply[0]:
            return None
        return StepId.parse(reply[1].decode()) if reply[1] else START

    async def save(self, relayed: StepId, acknowledged: Iterable[Acknowledged]) -> bool:
        pairs = [word for one in acknowledged for word in (one.partition, f"{one.offset} {one.event_id}")]
        return bool((await self._run("save_relayed", self.owner, str(relayed), *pairs))[0])

    async def forget(self) -> None:
        await self._run("save_relayed", self.owner, "")

    async def give_back(self) -> None:
        await self._run("give_lease_back", self.owner)

    async def acknowledged(self) -> list[Acknowledged]:
        found: dict[bytes, bytes] = await self.scripts.ask("HGETALL", self._keys()[1])
        saved = {name.decode(): value.decode() for name, value in found.items()}
        saved.pop("relayed", None)
        return [
            Acknowledged(CAPACITY, int(partition), int(value.split(" ")[0]), value.split(" ")[1])
            for partition, value in saved.items()
        ]

    def _keys(self) -> list[str]:
        return [self.scripts.lease, self.scripts.positions]

    async def _run(self, name: str, *arguments: str | int) -> Reply:
        return await self.scripts.run(name, self._keys(), [0, "", "", *arguments])
