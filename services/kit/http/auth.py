"""Bearer tokens: RS256 JWTs of any OIDC issuer, known by its JWKS (a file or a URL)."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, time
from typing import Annotated

import httpx2
import structlog
from fastapi import Request, Security
from fastapi.security import HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.kit.http.problems import Problem
from services.kit.settings import ServiceSettings

log = structlog.get_logger()
REFRESH_AFTER = 30.0
"""Seconds between two readings of the JWKS, however many unknown keys are presented."""
RETRY_AFTER = 2.0
"""Seconds until the JWKS is read again after it could not be."""
_REFUSED = (JoseError, ValueError, TypeError, KeyError, AttributeError)
"""What a token or a key set that is none makes the decoder raise."""
BELIEVED_FOR, BELIEVED_MOST = 30.0, 10_000
"""Seconds a verified token is believed without looking at its signature again (never past its end), and how many."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `org` is a polyclinic's or a center's id, empty for the others."""

    subject: str
    roles: frozenset[str]
    org: str

    def has(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    @property
    def actor(self) -> str:
        """How the history names this principal: role and organization, or subject."""
        role = min(self.roles, default="unknown")
        return f"{role}:{self.org or pseudonym(self.subject)}"


class TokenVerifier:
    """Checks a token's signature, times, issuer and audience. Reads the JWKS when it is first needed."""

    def __init__(self, jwks: str, issuer: str, audience: str) -> None:
        self._source, self._keys, self._refresh_after = jwks, KeySet([]), 0.0
        self._believed: dict[str, tuple[Principal, float]] = {}
        self._claims = jwt.JWTClaimsRegistry(
            leeway=5,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    @classmethod
    def of(cls, settings: ServiceSettings) -> "TokenVerifier":
        return cls(settings.jwks, settings.issuer, settings.audience)

    async def verify(self, token: str) -> Principal:
        """The token's principal; raises Problem 401."""
        principal, until = self._believed.get(token, (None, 0.0))
        if principal is not None and time() < until:
            return principal
        principal, ends = await self._verify(token)
        if len(self._believed) >= BELIEVED_MOST:
            self._believed.clear()
        self._believed[token] = principal, min(ends, time() + BELIEVED_FOR)
        return principal

    async def _verify(self, token: str) -> tuple[Principal, float]:
        """The principal, and when the token ends (epoch seconds)."""
        try:
            claims = await self._decode(token)
            self._claims.validate(claims)
        except _REFUSED as error:
            raise _unauthorized(f"The bearer token was refused: {type(error).__name__}.") from None
        roles, org = claims.get("roles", []), claims.get("org")
        principal = Principal(
            str(claims["sub"]),
            frozenset(one for one in (roles if isinstance(roles, list) else [roles]) if isinstance(one, str)),
            org if isinstance(org, str) else "",
        )
        return principal, float(str(claims["exp"]))

    async def _decode(self, token: str) -> dict[str, object]:
        try:
            return jwt.decode(token, self._keys, algorithms=["RS256"]).claims
        except _REFUSED:
            if monotonic() < self._refresh_after:
                if not self._keys.keys:
                    raise _unreadable() from None
                raise
            await self._refresh()
            return jwt.decode(token, self._keys, algorithms=["RS256"]).claims

    async def _refresh(self) -> None:
        self._refresh_after = monotonic() + RETRY_AFTER
        try:
            if self._source.startswith(("http://", "https://")):
                async with httpx2.AsyncClient(timeout=5) as client:
                    text = (await client.get(self._source)).raise_for_status().text
            else:
                text = Path(self._source).read_text()  # noqa: ASYNC240  a small local file, read rarely
            self._keys = KeySet.import_key_set(json.loads(text))
            self._refresh_after = monotonic() + REFRESH_AFTER
        except (OSError, httpx2.HTTPError, *_REFUSED) as error:
            log.error("auth.jwks_unreadable", source=self._source, reason=type(error).__name__)
            raise _unreadable() from None


def pseudonym(subject: str) -> str:
    """A stable name for a token's subject that does not tell who it is: an issuer's `sub` may be an IIN."""
    return sha256(subject.encode()).hexdigest()[:12]


def _unreadable() -> Problem:
    return Problem(503, "unavailable", "The issuer's keys cannot be read now.")


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


_SCHEME = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    description="RS256, with `roles` and `org`; locally: `joldama token ROLE`",
)
"""For the documentation's Authorize button; `authenticate` is what checks."""


async def authenticate(request: Request) -> Principal:
    """The principal of a request, by the verifier in `app.state.verifier`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthorized("A bearer token is needed in the Authorization header.")
    verifier: TokenVerifier = request.app.state.verifier
    return await verifier.verify(token)


def require(*roles: str) -> Callable[..., Awaitable[Principal]]:
    """A FastAPI dependency: the principal, when it has one of `roles`; else 401 or 403."""

    async def dependency(request: Request, _: Annotated[object, Security(_SCHEME)] = None) -> Principal:
        principal = await authenticate(request)
        if not principal.has(*roles):
            raise Problem(403, "forbidden", f"This needs one of the roles: {', '.join(sorted(roles))}.")
        return principal

    return dependency


class ServiceToken:
    """This service's own bearer token, from a file that whoever rotates it may replace at any time."""

    def __init__(self, file: Path | None) -> None:
        self._file, self._stamp, self._token = file, 0, ""

    def header(self) -> dict[str, str]:
        """The Authorization header, read again when the file has changed; raises OSError when it is not there."""
        if self._file is None:
            return {}
        stamp = self._file.stat().st_mtime_ns
        if stamp != self._stamp:
            self._token, self._stamp = self._file.read_text().strip(), stamp
        return {"Authorization": f"Bearer {self._token}"}
