"""What a token's header and claims must be. Its signature has been checked by then."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from joserfc.errors import ClaimError, ExpiredTokenError
from joserfc.jwt import JWTClaimsRegistry

from services.kit.http.problems import Problem

CLOCK_DIFFERENCE = 60
"""Seconds by which the issuer's clock may differ from ours: a token is valid so much earlier and longer."""
LONGEST_SUBJECT, LONGEST_ORGANIZATION, MOST_ROLES = 255, 64, 100
ACCESS_TOKEN = re.compile(r"(application/)?at\+jwt", re.I)
"""`typ` of an access token (RFC 9068)."""
_ANY_TOKEN = re.compile(r"(application/)?jwt", re.I)
_OTHERS_MARKS = ("nonce", "at_hash", "c_hash", "s_hash", "events")
"""Claims of ID tokens and logout tokens."""


def unauthorized(detail: str, code: str = "unauthorized") -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": "Bearer"})


def check_kind(header: Mapping[str, object], claims: Mapping[str, object]) -> None:
    """Raise Problem 401 for a token that is no access token: an ID token, say, or one that is bound to a proof.

    `typ: at+jwt` is one; without a `typ`, or with `JWT`, a token is one unless it has the marks of another.
    """
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or not (ACCESS_TOKEN.fullmatch(kind) or _ANY_TOKEN.fullmatch(kind)):
        raise unauthorized("The token's typ is not that of an access token.", "not_an_access_token")
    marks = [] if ACCESS_TOKEN.fullmatch(kind) else [one for one in _OTHERS_MARKS if one in claims]
    if marks or claims.get("typ", "Bearer") != "Bearer":  # Keycloak says there what a token is for
        raise unauthorized("This is another kind of token: send an access token.", "not_an_access_token")
    if "cnf" in claims:
        raise unauthorized("The token is bound to a proof (cnf), which is not checked here.", "not_a_bearer_token")


class Times:
    """Checks the claims of the standard: times, issuer and audience."""

    def __init__(self, issuer: str, audience: str, clock: Callable[[], float]) -> None:
        self._audience, self._issuer, self._clock = audience, issuer, clock
        self._registry = JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=CLOCK_DIFFERENCE,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def check(self, claims: Mapping[str, object]) -> None:
        """Raises Problem 401."""
        for name in ("exp", "nbf", "iat"):
            if name in claims and not _is_moment(claims[name]):
                raise unauthorized(f"The token's {name} is missing or wrong.")
        try:
            self._registry.validate(dict(claims))
        except ClaimError as error:
            raise self._wrong(error, claims) from None

    def _wrong(self, error: ClaimError, claims: Mapping[str, object]) -> Problem:
        """What is wrong with a token that the issuer signed, and what would be right."""
        claim, now = error.claim, _moment(self._clock())
        if isinstance(error, ExpiredTokenError):
            return unauthorized(
                f"The token ended at {_moment(claims[claim])}, and it is {now}: get a new one.", "token_expired"
            )
        if claim in ("nbf", "iat"):
            detail = f"The token is valid from {_moment(claims[claim])}, and here it is {now}: compare the two clocks."
            return unauthorized(detail, "token_not_yet_valid")
        needed = {"aud": ("wrong_audience", self._audience), "iss": ("wrong_issuer", self._issuer)}
        if claim in needed:
            code, right = needed[claim]
            return unauthorized(f"The token's {claim} must be {right}.", code)
        return unauthorized(f"The token's {claim} is missing or wrong.")


def subject_of(claims: Mapping[str, object]) -> str:
    """Raises Problem 401 for a subject that is no short text."""
    return _text(claims, "sub", LONGEST_SUBJECT)


def organization_of(claims: Mapping[str, object]) -> str:
    """Empty without one; raises Problem 401 for what is no short text."""
    return "" if claims.get("org") in (None, "") else _text(claims, "org", LONGEST_ORGANIZATION)


def roles_of(claims: Mapping[str, object]) -> frozenset[str]:
    """None without the claim; raises Problem 401 for what is no list of texts."""
    roles = claims.get("roles")
    if roles is None:
        return frozenset()
    if not isinstance(roles, list) or len(roles) > MOST_ROLES or not all(isinstance(one, str) for one in roles):
        raise unauthorized(f"The token's roles must be a list of at most {MOST_ROLES} texts.")
    return frozenset(roles)


def _text(claims: Mapping[str, object], name: str, longest: int) -> str:
    text = claims.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= longest or not text.isprintable():
        raise unauthorized(f"The token's {name} must be a text of 1 to {longest} characters.")
    return text


def _is_moment(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 <= value <= 1e300


def _moment(seconds: object) -> str:
    """Epoch seconds as a moment in UTC; as they are when no calendar has it."""
    try:
        return f"{datetime.fromtimestamp(float(str(seconds)), UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return str(seconds)
