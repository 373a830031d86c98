"""The issuer's public keys, by its JWKS (a file or a URL), which is read again as it ages."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from services.kit.http.problems import Problem

log = structlog.get_logger()
Key = RSAKey | ECKey | OKPKey
UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""The errors of a decoder, of a token or of a key set that is none."""
MAX_AGE = 600.0
"""Seconds: a key that the issuer has withdrawn is believed no longer."""
PAUSE = 1.0
"""Seconds between two readings, however many unknown keys are presented."""
READ_SECONDS = 5.0
LEAST_RSA_BITS = 2048
_PUBLIC = frozenset({"kty", "n", "e", "crv", "x", "y", "kid"})
_CURVES = {"P-256": "ES256", "Ed25519": "EdDSA"}
ALGORITHMS = {"RS256": "RS256", "ES256": "ES256", "EdDSA": "EdDSA", "Ed25519": "EdDSA"}
"""What a header may name, and the algorithm of its keys (RFC 9864 has named EdDSA anew)."""


class IssuerKeys:
    """The keys, each with its one algorithm. Half as old as they may get, they are read again while they serve.

    `max_age` and `pause` are seconds; `clock` counts them.
    """

    def __init__(
        self, source: str, *, max_age: float = MAX_AGE, pause: float = PAUSE, clock: Callable[[], float] = monotonic
    ) -> None:
        self._source, self._max_age, self._pause, self._clock = source, max_age, pause, clock
        self._text, self._read_at, self._tried_at = "", -inf, -inf
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[bool] | None = None
        self.known: Mapping[tuple[str | None, str], Key] = {}
        """By key id and algorithm; another object when the issuer has changed them."""

    async def refresh(self) -> None:
        """Read the keys when they are too old; raises Problem 503 when they cannot be read then."""
        age = self._clock() - self._read_at
        if age >= self._max_age:
            await self._read_from_now()
        elif age >= self._max_age / 2 and self._clock() - self._tried_at >= self._pause:
            self._begin()

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key of this id for this algorithm. An unknown one waits for the next reading; raises Problem 503."""
        if (kid, algorithm) not in self.known:
            await self._read_from_now()
        return self.known.get((kid, algorithm))

    async def _read_from_now(self) -> None:
        """Wait for a reading that begins from now on; all who wait share it."""
        if not await asyncio.shield(self._begin()):
            raise Problem(503, "unavailable", "The issuer's keys cannot be read now.", headers={"Retry-After": "1"})

    def _begin(self) -> asyncio.Task[bool]:
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._read())
        return self._next

    async def _read(self) -> bool:
        """Whether the keys were read."""
        async with self._turn:
            await asyncio.sleep(max(0.0, self._tried_at + self._pause - self._clock()))
            self._next, self._tried_at = None, self._clock()  # who comes from now on waits for the next reading
            try:
                text = await self._fetch()
                if text != self._text:
                    self.known, self._text = read_keys(text), text
            except (OSError, httpx2.HTTPError, *UNREADABLE) as error:
                log.error("auth.jwks_unreadable", source=self._source, reason=type(error).__name__)
                return False
            self._read_at = self._tried_at
            return True

    async def _fetch(self) -> str:
        if not self._source.startswith(("http://", "https://")):
            return Path(self._source).read_text()  # noqa: ASYNC240  a small local file, read rarely
        async with asyncio.timeout(READ_SECONDS), httpx2.AsyncClient(timeout=READ_SECONDS) as client:
            return (await client.get(self._source)).raise_for_status().text


def read_keys(text: str) -> dict[tuple[str | None, str], Key]:
    """The keys of a JWKS that can be used; others are ignored (RFC 7517, section 5). Raises ValueError without one."""
    usable: dict[tuple[str | None, str], Key] = {}
    for one in json.loads(text)["keys"]:
        with suppress(*UNREADABLE):
            usable[one.get("kid"), _algorithm(one)] = _public(one)
    if not usable:
        raise ValueError("no key of the set can be used")
    return usable


def _algorithm(jwk: Mapping[str, Any]) -> str:
    """The one algorithm of a key, by its type and curve; raises ValueError for a key of another purpose."""
    found = "RS256" if jwk["kty"] == "RSA" else _CURVES[str(jwk["crv"])]
    operations = jwk.get("key_ops", ["verify"])
    named, use = ALGORITHMS[str(jwk.get("alg", found))], jwk.get("use", "sig")
    if (named, use) != (found, "sig") or "verify" not in operations:
        raise ValueError("a key of another purpose")
    return found


def _public(jwk: Mapping[str, Any]) -> Key:
    bits = int.from_bytes(urlsafe_b64decode(f"{jwk.get('n', '')}==")).bit_length()
    if jwk["kty"] == "RSA" and bits < LEAST_RSA_BITS:
        log.error("auth.key_too_short", kid=jwk.get("kid"), bits=bits)
        raise ValueError("an RSA key that is too short")
    key = JWKRegistry.import_key({name: value for name, value in jwk.items() if name in _PUBLIC})
    if not isinstance(key, Key):
        raise ValueError("no public key")
    return key
