"""The Lua scripts, each loaded behind the ledger that they share and run by its SHA-1."""

import re
from collections.abc import Sequence
from functools import cache
from hashlib import sha1
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from services.kit.errors import TransientError

FOLDER = Path(__file__).parent / "scripts"
Reply = list[Any]


@cache
def source(name: str) -> str:
    """The text of script `name`, with the ledger before it."""
    return "\n".join((FOLDER / f"{part}.lua").read_text(encoding="utf-8") for part in ("ledger", name))


@cache
def digest(name: str) -> str:
    return sha1(source(name).encode(), usedforsecurity=False).hexdigest()


class Names:
    """The keys under one prefix, as the ledger's header has them."""

    def __init__(self, key_prefix: str) -> None:
        self.prefix = f"{{{key_prefix}}}:"
        self.programmes, self.events = f"{self.prefix}programmes", f"{self.prefix}events"
        self.server = f"{self.prefix}server"
        self.lease, self.positions = f"{self.prefix}relay:lease", f"{self.prefix}relay:positions"

    def claim_key(self, referral: str) -> str:
        return f"{self.prefix}claim:{referral}"

    def queue_key(self, programme_id: str) -> str:
        return f"{self.prefix}queue:{programme_id}"


def read_run_id(info: bytes) -> str:
    """The server's own id, new at each of its starts, in the answer to INFO; '' when it tells none."""
    found = re.search(rb"^run_id:(\w+)", info, re.MULTILINE)
    return found[1].decode() if found else ""


class RedisScripts(Names):
    """Runs scripts on one server. Keys and the first arguments are those of the ledger's header."""

    def __init__(self, redis: Redis, key_prefix: str) -> None:
        super().__init__(key_prefix)
        self.redis = redis

    async def run_id(self) -> str:
        """The id of the server that answers; raises TransientError."""
        try:
            info = await self.redis.info("server")
        except (RedisError, OSError) as error:
            raise TransientError(f"redis: {type(error).__name__}") from error
        return str(info.get("run_id", ""))

    async def ask(self, *command: str | int) -> Any:
        """One plain command's reply; raises TransientError."""
        try:
            return await self.redis.execute_command(*command)  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            raise TransientError(f"redis: {type(error).__name__}") from error

    async def run(self, name: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Reply:
        """The script's reply; raises TransientError when Redis does not answer."""
        return (await self.run_many(name, [(keys, arguments)]))[0]

    async def run_many(self, name: str, calls: Sequence[tuple[Sequence[str], Sequence[str | int]]]) -> list[Reply]:
        """A reply a call, in one pipeline: each call is atomic, the pipeline is not."""
        try:
            replies = await self._pipeline(name, calls)
            missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if missing:
                await self.redis.script_load(source(name))
                again = await self._pipeline(name, [calls[i] for i in missing])
                for i, reply in zip(missing, again, strict=True):
                    replies[i] = reply
        except (RedisError, OSError) as error:
            raise TransientError(f"redis: {type(error).__name__}") from error
        for reply in replies:
            if isinstance(reply, Exception):
                raise TransientError(f"redis: {reply}") from reply
        return replies

    async def _pipeline(self, name: str, calls: Sequence[tuple[Sequence[str], Sequence[str | int]]]) -> list[Any]:
        async with self.redis.pipeline(transaction=False) as pipeline:
            for keys, arguments in calls:
                pipeline.execute_command(
                    "EVALSHA", digest(name), 2 + len(keys), self.programmes, self.events, *keys,
                    self.prefix, *arguments,
                )  # fmt: skip
            return await pipeline.execute(raise_on_error=False)
