"""Sessions on the server, in Redis: encrypted, known to the browser by a secret, with an idle and an absolute end."""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from time import time

from redis.asyncio import Redis, RedisCluster

from services.console.sign_in.sealing import Seal, name_of
from services.console.words.labels import Names
from services.contracts.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Session:
    """What a session holds. Times are epoch seconds."""

    subject: str
    role: Role | None
    """None until one of `choices` is chosen; nobody is signed in until then."""
    organization: str
    names: Names
    """Of the organization; empty for operators."""
    access_token: str = field(repr=False)
    access_ends: float
    begun: float
    refresh_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    provider_session: str = ""
    """`sid` of the provider, by which it ends the session."""
    choices: tuple[str, ...] = ()
    """As whom the person may act, `role/organization` or a role, when there are several."""

    @property
    def owner(self) -> str:
        """Whose it is: the person in this role for this organization."""
        return "/".join((self.role or "", self.organization, self.subject))

    @property
    def acting_as(self) -> str:
        return "/".join(filter(None, (self.role, self.organization)))


class Sessions:
    """`idle` and `longest` are seconds. What Redis raises goes on: without it nobody is signed in or out."""

    def __init__(
        self,
        redis: Redis | RedisCluster,
        seal: Seal,
        prefix: str,
        idle: float,
        longest: float,
        clock: Callable[[], float] = time,
    ) -> None:
        self._redis, self._seal, self._prefix, self._clock = redis, seal, prefix, clock
        self._idle, self._longest = idle, longest

    async def begin(self, session: Session) -> str:
        """Keep it; what is returned opens it."""
        secret = secrets.token_urlsafe(32)
        await self._redis.set(self._key(secret), self._sealed(session), px=self._left(session))
        for kind, value in (("person", session.subject), ("provider", session.provider_session)):
            if value:
                name = self._index(kind, self._seal.mark(kind, value))
                await self._redis.sadd(name, self._key(secret))
                await self._redis.expire(name, int(self._longest) + 1)
        return secret

    async def update(self, secret: str, session: Session) -> None:
        """Keep it as it is now, idle or not; one that has ended meanwhile stays ended."""
        await self._redis.set(self._key(secret), self._sealed(session), xx=True, keepttl=True)

    async def find(self, secret: str, *, active: bool = True) -> Session | None:
        """The session that `secret` opens, and who is `active` idles no longer; None when there is none any more."""
        sealed = await self._redis.get(self._key(secret))
        found = self._seal.open(sealed) if sealed else None
        if found is None:
            return None
        choices = tuple(found.get("choices", ()))
        session = Session(**found | {"role": Role(found["role"]) if found["role"] else None, "choices": choices})
        if (left := self._left(session)) <= 0:
            await self.end(secret)
            return None
        if active:
            await self._redis.pexpire(self._key(secret), left)
        return session

    async def end(self, secret: str) -> None:
        await self._redis.delete(self._key(secret))

    async def end_all(self, *, subject: str = "", provider_session: str = "") -> int:
        """End the sessions of one sign-in at the provider, or else of a person. Returns how many."""
        kind, value = ("provider", provider_session) if provider_session else ("person", subject)
        ended = 0
        for mark in self._seal.marks(kind, value):
            if keys := await self._redis.smembers(self._index(kind, mark)):
                ended += await self._redis.delete(*keys)
        return ended

    def _sealed(self, session: Session) -> bytes:
        return self._seal.seal(asdict(session))

    def _left(self, session: Session) -> int:
        """Milliseconds."""
        return int(1000 * min(self._idle, session.begun + self._longest - self._clock()))

    def _key(self, secret: str) -> str:
        return f"{self._prefix}:session:{name_of(secret)}"

    def _index(self, kind: str, mark: str) -> str:
        """The set of the sessions' keys that the provider may end at once; a person may be known by an IIN."""
        return f"{self._prefix}:{kind}:{mark}"
