"""Bearer tokens: RS256 JWTs of any OIDC issuer, known by its JWKS (a file or a URL)."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from time import monotonic, time
from typing import Annotated

import httpx2
import structlog
from fastapi import Request, Security
from fastapi.security import HTTPBearer
from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import JWKRegistry, KeySet

from services.kit.http.problems import Problem
from services.kit.settings import ServiceSettings

log = structlog.get_logger()
REFRESH_AFTER = 30.0
"""Seconds between two readings of the JWKS, however many unknown keys are presented."""
RETRY_AFTER = 2.0
"""Seconds until the JWKS is read again after a failure."""
CACHE_SECONDS, CACHE_SIZE = 30.0, 10_000
"""A verified token is cached for so long (never past its end), and so many are."""
CLOCK_DIFFERENCE = 60
"""Seconds by which the issuer's clock may differ from ours: a token is valid so much earlier and longer."""
_REFUSED = (JoseError, ValueError, TypeError, KeyError, AttributeError)
"""The decoder's errors for an invalid token or key set."""
_SCHEME = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="RS256, with `roles` and `org`; locally: `joldama token ROLE`"
)
"""For the documentation's Authorize button; `authenticate` is what checks."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a token. `org` is a polyclinic's or a center's id, empty for the others.

    From `ends` (epoch seconds) on the token is refused: an endless answer closes then.
    """

    subject: str
    roles: frozenset[str]
    org: str
    ends: float = inf

    def has(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)


class TokenVerifier:
    """Checks a token's signature, times, issuer and audience. Reads the JWKS when it is first needed.

    `clock` is in epoch seconds; the other two are seconds until the JWKS may be read again.
    """

    def __init__(
        self,
        jwks: str,
        issuer: str,
        audience: str,
        *,
        refresh_after: float = REFRESH_AFTER,
        retry_after: float = RETRY_AFTER,
        clock: Callable[[], float] = time,
    ) -> None:
        self._source, self._keys = jwks, KeySet([])
        self._issuer, self._audience = issuer, audience
        self._refresh_after, self._retry_after, self._clock = refresh_after, retry_after, clock
        self._refreshing, self._refresh_at, self._unreadable = asyncio.Lock(), 0.0, False
        self._cache: dict[str, tuple[Principal, float]] = {}
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=CLOCK_DIFFERENCE,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    @classmethod
    def of(cls, settings: ServiceSettings) -> "TokenVerifier":
        return cls(settings.jwks, settings.issuer, settings.audience)

    async def verify(self, token: str) -> Principal:
        """The token's principal; raises Problem 401, or 503 without the issuer's keys."""
        principal, until = self._cache.get(token, (None, 0.0))
        if principal is not None and self._clock() < until:
            return principal
        principal, ends = await self._verify(token)
        if len(self._cache) >= CACHE_SIZE:
            self._cache.clear()
        self._cache[token] = principal, min(ends, self._clock() + CACHE_SECONDS)
        return principal

    async def _verify(self, token: str) -> tuple[Principal, float]:
        """The principal, and when the token ends (epoch seconds)."""
        try:
            claims = await self._decode(token)
            self._claims.validate(claims)
        except ClaimError as error:
            raise self._wrong_claim(error, claims) from None
        except _REFUSED as error:
            raise _unauthorized(f"The bearer token is none that our issuer signed: {type(error).__name__}.") from None
        roles, org = claims.get("roles", []), claims.get("org")
        principal = Principal(
            str(claims["sub"]),
            frozenset(one for one in (roles if isinstance(roles, list) else [roles]) if isinstance(one, str)),
            org if isinstance(org, str) else "",
            float(str(claims["exp"])) + CLOCK_DIFFERENCE,
        )
        return principal, float(str(claims["exp"]))

    def _wrong_claim(self, error: ClaimError, claims: Mapping[str, object]) -> Problem:
        """What is wrong with a token that the issuer signed, and what would be right."""
        claim, now = error.claim, _moment(self._clock())
        if isinstance(error, ExpiredTokenError):
            return _unauthorized(
                f"The token ended at {_moment(claims[claim])}, and it is {now}: get a new one.", "token_expired"
            )
        if claim in ("nbf", "iat") and isinstance(begins := claims[claim], int | float):
            detail = f"The token is valid from {_moment(begins)}, and here it is {now}: compare the two clocks."
            return _unauthorized(detail, "token_not_yet_valid")
        needed = {"aud": ("wrong_audience", self._audience), "iss": ("wrong_issuer", self._issuer)}
        if claim in needed:
            code, right = needed[claim]
            return _unauthorized(f"The token's {claim} must be {right}.", code)
        return _unauthorized(f"The token's {claim} is missing or wrong.")

    async def _decode(self, token: str) -> dict[str, object]:
        keys = self._keys
        try:
            return _decoded(token, keys)
        except _REFUSED:
            async with self._refreshing:  # one call reads the keys; the others wait, and try with the new ones
                if self._keys is keys:
                    await self._refresh()
            return _decoded(token, self._keys)

    async def _refresh(self) -> None:
        """Read the keys, unless that was done just now; raises Problem 503 when the last reading failed."""
        if monotonic() >= self._refresh_at:
            try:
                self._keys, self._unreadable = _key_set(await self._read()), False
            except (OSError, httpx2.HTTPError, *_REFUSED) as error:
                log.error("auth.jwks_unreadable", source=self._source, reason=type(error).__name__)
                self._unreadable = True
            self._refresh_at = monotonic() + (self._retry_after if self._unreadable else self._refresh_after)
        if self._unreadable:
            raise Problem(503, "unavailable", "The issuer's keys cannot be read now.")

    async def _read(self) -> str:
        if not self._source.startswith(("http://", "https://")):
            return Path(self._source).read_text()  # noqa: ASYNC240  a small local file, read rarely
        async with httpx2.AsyncClient(timeout=5) as client:
            return (await client.get(self._source)).raise_for_status().text


def _key_set(text: str) -> KeySet:
    """The keys of a JWKS that can be used; others are ignored (RFC 7517, section 5). Raises ValueError without one."""
    usable = []
    for one in json.loads(text)["keys"]:
        with suppress(*_REFUSED):
            usable.append(JWKRegistry.import_key(one))
    if not usable:
        raise ValueError("no key of the set can be used")
    return KeySet(usable)


def _decoded(token: str, keys: KeySet) -> dict[str, object]:
    return jwt.decode(token, keys, algorithms=["RS256"]).claims


def _moment(seconds: object) -> str:
    """Epoch seconds as a moment in UTC; as they are when no calendar has it."""
    try:
        return f"{datetime.fromtimestamp(float(str(seconds)), UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _unauthorized(detail: str, code: str = "unauthorized") -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": "Bearer"})


async def authenticate(request: Request) -> Principal:
    """The principal of a request, by the verifier in `app.state.verifier`; found once a request."""
    if (known := getattr(request.state, "principal", None)) is not None:
        return known  # type: ignore[no-any-return]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthorized("A bearer token is needed in the Authorization header.")
    verifier: TokenVerifier = request.app.state.verifier
    request.state.principal = principal = await verifier.verify(token)
    return principal


class Require:
    """A FastAPI dependency: the principal, when it has one of `roles`; else 401 or 403.

    A route of `services.kit.http.routes` runs it before the body is received.
    """

    def __init__(self, *roles: str) -> None:
        self.roles = roles

    async def __call__(self, request: Request, _: Annotated[object, Security(_SCHEME)] = None) -> Principal:
        principal = await authenticate(request)
        if not principal.has(*self.roles):
            raise Problem(403, "forbidden", f"This needs one of the roles: {', '.join(sorted(self.roles))}.")
        self.check(principal)
        return principal

    def check(self, principal: Principal) -> None:
        """A subclass's further requirements of the principal; raises Problem."""


class ServiceToken:
    """This service's own bearer token, from a file that may be replaced at any time."""

    def __init__(self, file: Path | None) -> None:
        self._file, self._stamp, self._token = file, 0, ""

    def header(self) -> dict[str, str]:
        """The Authorization header, read again when the file has changed; raises OSError without the file."""
        if self._file is None:
            return {}
        stamp = self._file.stat().st_mtime_ns
        if stamp != self._stamp:
            self._token, self._stamp = self._file.read_text().strip(), stamp
        return {"Authorization": f"Bearer {self._token}"}
