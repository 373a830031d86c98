"""What waits in Redis for one browser's next request: encrypted, taken once, and gone after its time."""

import secrets
from typing import Any

from redis.asyncio import Redis, RedisCluster

from services.console.sign_in.sealing import Seal, name_of


class Kept:
    """Values of one kind, each for `seconds`."""

    def __init__(self, redis: Redis | RedisCluster, seal: Seal, prefix: str, seconds: float) -> None:
        self._redis, self._seal, self._prefix, self._milliseconds = redis, seal, prefix, int(seconds * 1000)

    async def keep(self, value: Any, secret: str = "") -> str:
        """Keep it; what is returned (`secret`, or a new one) takes it."""
        secret = secret or secrets.token_urlsafe(32)
        await self._redis.set(self._key(secret), self._seal.seal(value), px=self._milliseconds)
        return secret

    async def take(self, secret: str) -> Any:
        """The value, which is gone then; None when there is none any more."""
        sealed = await self._redis.getdel(self._key(secret)) if secret else None
        return self._seal.open(sealed) if sealed else None

    def _key(self, secret: str) -> str:
        return f"{self._prefix}:{name_of(secret)}"
