"""The Lua scripts, each loaded behind the functions they share (`shared.lua`) and run by its SHA-1."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from hashlib import sha1
from itertools import chain
from pathlib import Path
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError

from services.capacity.domain.entries import to_ms
from services.capacity.ports import Rebuilding
from services.contracts.claims import DataVersion
from services.kit.errors import TransientError
from services.kit.redis_cluster import REDIS_ERRORS

FOLDER = Path(__file__).parent / "scripts"
Reply = list[Any]
Words = Iterable[str | int]


@cache
def source(name: str) -> str:
    """The text of script `name`, with `shared.lua` before it."""
    return "\n".join((FOLDER / f"{part}.lua").read_text(encoding="utf-8") for part in ("shared", name))


@cache
def digest(name: str) -> str:
    return sha1(source(name).encode(), usedforsecurity=False).hexdigest()


class WrongType(Exception):
    """A key holds another type of data than any script writes there."""


class Names:
    """The keys under one prefix, as the header of `shared.lua` has them."""

    def __init__(self, key_prefix: str) -> None:
        self.prefix = f"{{{key_prefix}}}:"
        self.programmes, self.events = f"{self.prefix}programmes", f"{self.prefix}events"
        self.server = f"{self.prefix}server"
        self.lease, self.checkpoints = f"{self.prefix}relay:lease", f"{self.prefix}relay:checkpoints"
        self.absent = f"{self.prefix}absent"

    def claim_key(self, referral: object) -> str:
        return f"{self.prefix}claim:{referral}"

    def queue_key(self, programme_id: str) -> str:
        return f"{self.prefix}queue:{programme_id}"


class RedisScripts(Names):
    """Runs scripts on the one server that has the data. Methods raise TransientError when Redis does not answer.

    A script also takes the time `at` and the data version that the caller has `seen`; it raises Rebuilding when the
    data is not of that epoch, or behind that version, or not open.
    """

    def __init__(self, redis: Redis | RedisCluster, key_prefix: str) -> None:
        super().__init__(key_prefix)
        self.redis = redis

    async def ask(self, *command: str | int) -> Any:
        """One plain command's reply."""
        try:
            return await self.redis.execute_command(*command)
        except (*REDIS_ERRORS, OSError) as error:
            raise TransientError(f"redis: {type(error).__name__}: {error}") from error

    async def scan(self, cursor: int, kind: str, count: int) -> tuple[int, list[Any]]:
        """The next cursor, 0 at the end, and the keys (bytes) of a `kind` (`claim`, `queue`) found from `cursor`.

        Of the server that is known to have the data: when it has them no more, the next script closes them.
        """
        try:
            node: Any = self.redis
            if isinstance(node, RedisCluster):
                node = (await node.initialize()).get_node_from_key(self.programmes)
            found, keys = await node.execute_command("SCAN", cursor, "MATCH", f"{self.prefix}{kind}:*", "COUNT", count)
        except (*REDIS_ERRORS, OSError) as error:
            raise TransientError(f"redis: {type(error).__name__}: {error}") from error
        return int(found), keys

    async def check_writable(self) -> None:
        """Raises TransientError with the reason when Redis takes no writes: full, a replica, or its disk is full."""
        await self.ask("SET", f"{self.prefix}readiness", 1, "PX", 60_000)

    async def run(
        self, name: str, *arguments: str | int, keys: Sequence[str] = (), at: datetime | None = None,
        seen: DataVersion | None = None,
    ) -> Reply:  # fmt: skip
        """The script's reply."""
        return (await self.run_many(name, [(keys, arguments)], at, seen))[0]

    async def run_on_claims(
        self, name: str, claims: Sequence[tuple[str | int, ...]], *arguments: str | int, together: int,
        at: datetime | None = None, seen: DataVersion | None = None,
    ) -> list[Reply]:  # fmt: skip
        """A reply for each part of `together` claims, in one pipeline: a part is atomic, the pipeline is not.

        Each claim is the script's arguments for it, of which the first is the referral. Without a claim the script
        runs once, to check the data.
        """
        parts = [claims[start : start + together] for start in range(0, len(claims), together)] or [()]
        calls = [([self.claim_key(one[0]) for one in part], [*arguments, *chain(*part)]) for part in parts]
        return await self.run_many(name, calls, at, seen)

    async def run_many(
        self, name: str, calls: Sequence[tuple[Sequence[str], Words]], at: datetime | None, seen: DataVersion | None
    ) -> list[Reply]:
        """A reply a call (keys and arguments), in one pipeline: each call is atomic, the pipeline is not."""
        replies = list[Reply]()
        for reply in await self.run_each(name, calls, at, seen):
            if isinstance(reply, WrongType):
                raise TransientError(f"redis: {reply}") from reply
            replies.append(reply)
        return replies

    async def run_each(
        self, name: str, calls: Sequence[tuple[Sequence[str], Words]], at: datetime | None, seen: DataVersion | None
    ) -> list[Reply | WrongType]:
        """As `run_many`, but that a call which met a key of another type has failed alone."""
        first = (self.prefix, to_ms(at) if at else 0, *((seen.epoch, seen.sequence) if seen else ("", "")))
        commands = [
            (
                "EVALSHA", digest(name), 3 + len(keys), self.programmes, self.events, *keys, self.absent,
                *first, *arguments,
            )
            for keys, arguments in calls
        ]  # fmt: skip
        try:
            replies = await self._pipeline(commands)
            missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if missing:
                await self.redis.script_load(source(name))
                again = await self._pipeline([commands[i] for i in missing])
                for i, reply in zip(missing, again, strict=True):
                    replies[i] = reply
        except (*REDIS_ERRORS, OSError) as error:
            raise TransientError(f"redis: {type(error).__name__}") from error
        return [_checked(reply) for reply in replies]

    async def _pipeline(self, commands: Iterable[tuple[str | int, ...]]) -> list[Any]:
        async with self.redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)


def _checked(reply: Any) -> Reply | WrongType:
    if isinstance(reply, Exception):
        if "WRONGTYPE" in str(reply):
            return WrongType(str(reply))
        raise TransientError(f"redis: {reply}") from reply
    if reply[0] == b"rebuilding":
        raise Rebuilding
    return list(reply)


def version_of(reply: Reply) -> DataVersion:
    """The data version after a script that answers {'ok', epoch, sequence, ...}."""
    return DataVersion(epoch=reply[1].decode(), sequence=int(reply[2]))
