"""Bearer tokens: JWTs of any OIDC issuer, known by its JWKS, and what their holders may call."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus
from math import inf
from time import time
from typing import Annotated, Any
from warnings import catch_warnings

from fastapi import Request, Security
from fastapi.security import HTTPBearer
from joserfc import jwt
from joserfc.errors import SecurityWarning

from services.kit.http.acting import HEADER, ORGANIZATIONS, acting, acts_as_of
from services.kit.http.issuer_keys import ALGORITHMS, UNREADABLE, IssuerKeys
from services.kit.http.limits import Budget, Caller, limits_of
from services.kit.http.problems import Problem
from services.kit.http.token_claims import (
    CLOCK_DIFFERENCE,
    Times,
    check_kind,
    organization_of,
    roles_of,
    subject_of,
    unauthorized,
)
from services.kit.persons import Persons
from services.kit.settings import ServiceSettings

CACHE_SECONDS, CACHE_SIZE = 30.0, 10_000
"""A verified token is cached for so long (never past its end, or its key's), and so many are."""
LONGEST_TOKEN = 16_384
_SCHEME = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    description="With `roles` and `org`, or `acts_as`, of which `Acting-As` chooses; locally: `joldama token ROLE`",
)
"""For the documentation's Authorize button; `authenticate` is what checks."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a token. `org` is a polyclinic's or a center's id, empty for the others.

    `person` names the subject in logs and histories; empty in a process that keeps none. From `ends` (epoch seconds)
    on the token is refused: an endless answer closes then. `acts_as`: one of these is chosen by each request, which
    has its role and organization; empty for a token with `roles` and `org`.
    """

    subject: str
    roles: frozenset[str]
    org: str
    ends: float = inf
    person: str = ""
    acts_as: tuple[str, ...] = ()

    def has(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)


class TokenVerifier:
    """Checks a token's signature, kind, times, issuer and audience. Reads the JWKS when it is first needed.

    `clock` is in epoch seconds.
    """

    def __init__(
        self,
        keys: IssuerKeys,
        issuer: str,
        audience: str,
        persons: Persons | None = None,
        *,
        clock: Callable[[], float] = time,
    ) -> None:
        self._keys, self._persons, self._clock = keys, persons or Persons(), clock
        self._times = Times(issuer, audience, clock)
        self._cache: dict[bytes, tuple[Principal, float]] = {}
        self._cached_by = keys.known

    @classmethod
    def of(cls, settings: ServiceSettings, persons: Persons | None = None) -> "TokenVerifier":
        keys = IssuerKeys(settings.jwks, max_age=settings.jwks_max_age)
        return cls(keys, settings.issuer, settings.audience, persons)

    async def verify(self, token: str) -> Principal:
        """The token's principal; raises Problem 401, or 503 without the issuer's keys."""
        if len(token) > LONGEST_TOKEN:
            raise unauthorized(f"The bearer token is longer than {LONGEST_TOKEN} characters.")
        await self._keys.refresh()
        if self._cached_by is not self._keys.known:  # what a withdrawn key has signed is forgotten with it
            self._cache, self._cached_by = {}, self._keys.known
        name = sha256(token.encode(errors="replace")).digest()
        principal, until = self._cache.get(name, (None, 0.0))
        if principal is not None and self._clock() < until:
            return principal
        principal = await self._verify(token)
        if len(self._cache) >= CACHE_SIZE:
            self._cache.clear()
        self._cache[name] = principal, min(principal.ends - CLOCK_DIFFERENCE, self._clock() + CACHE_SECONDS)
        return principal

    async def _verify(self, token: str) -> Principal:
        try:
            header, claims = await self._decode(token)
        except UNREADABLE as error:
            raise unauthorized(f"The bearer token is none that our issuer signed: {type(error).__name__}.") from None
        check_kind(header, claims)
        self._times.check(claims)
        ends = float(str(claims["exp"])) + CLOCK_DIFFERENCE
        subject = subject_of(claims)
        found = Principal(subject, roles_of(claims), organization_of(claims), ends, self._persons.name(subject))
        if acts_as := acts_as_of(claims):
            return replace(found, roles=frozenset(), org="", acts_as=acts_as)
        return found

    async def _decode(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims, by the key that the header names; only a sound header has the keys read again."""
        head, _, _ = token.partition(".")
        header = json.loads(urlsafe_b64decode(head + "=="))
        algorithm, kid = header["alg"], header.get("kid")
        if algorithm not in ALGORITHMS or not isinstance(kid, str | None) or token.count(".") != 2:
            raise ValueError("no token of ours")
        key = await self._keys.find(kid, ALGORITHMS[algorithm])
        if key is None:
            raise ValueError("signed by no key of the issuer")
        with catch_warnings(action="ignore", category=SecurityWarning):  # EdDSA's new name is Ed25519
            decoded = jwt.decode(token, key, algorithms=[algorithm])
        return decoded.header, decoded.claims


async def authenticate(request: Request) -> Principal:
    """The principal of a request, by the verifier in `app.state.verifier`; found, and counted, once a request."""
    if (known := getattr(request.state, "principal", None)) is not None:
        return known  # type: ignore[no-any-return]
    limits, caller = limits_of(request), Caller.at(request)
    await limits.spend(Budget.REQUESTS, caller)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("A bearer token is needed in the Authorization header.")
    verifier: TokenVerifier = request.app.state.verifier
    try:
        request.state.principal = principal = await verifier.verify(token)
    except Problem as refused:
        if refused.status == HTTPStatus.UNAUTHORIZED:
            await limits.spend(Budget.REFUSED, caller)
        raise
    request.state.principal = principal = acting(principal, request.headers.get(HEADER))
    request.state.caller = Caller(caller.address, principal.subject, principal.org)
    await limits.spend(Budget.REQUESTS, request.state.caller, "holder", "organization")
    return principal


class Require:
    """A FastAPI dependency: the principal, when it has one of `roles`; else 401 or 403. `budget` is spent besides.

    A route of `services.kit.http.routes` runs it before the body is received.
    """

    def __init__(self, *roles: str, budget: Budget | None = None) -> None:
        self.roles, self._budget = roles, budget

    async def __call__(self, request: Request, _: Annotated[object, Security(_SCHEME)] = None) -> Principal:
        principal = await authenticate(request)
        acting = principal.roles.intersection(self.roles)
        if not acting:
            raise Problem(403, "forbidden", f"This needs one of the roles: {', '.join(sorted(self.roles))}.")
        if not principal.org and acting <= ORGANIZATIONS:
            raise Problem(403, "forbidden", "The token names no organization (claim org).")
        await self._spend(request)
        return principal

    async def _spend(self, request: Request) -> None:
        """A route runs its guards before its body, and FastAPI runs them again: that is one act."""
        if self._budget and not getattr(request.state, "spent", False):
            request.state.spent = True
            await limits_of(request).spend(self._budget, request.state.caller)


class Anybody(Require):
    """A dependency of a route without a token: counts the request by its address, and spends `budget` besides."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        if getattr(request.state, "spent", False):
            return
        request.state.spent = True
        for budget in (Budget.REQUESTS, self._budget):
            if budget:
                await limits_of(request).spend(budget, Caller.at(request), "address")
