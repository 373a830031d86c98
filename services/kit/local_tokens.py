"""Tokens of a local network's issuer, signed by its key: for `joldama` on this machine, and the local console."""

import json
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

ISSUER = "urn:joldama:local"
AUDIENCE = "joldama"


def sign_token(key: str, roles: Sequence[str], org: str, subject: str, seconds: float) -> str:
    """A bearer token by the private key `key` (a JWK), valid for so long."""
    from joserfc import jwt

    signing, now = _signing_key(key), int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "iat": now,
        "exp": now + int(seconds),
        "roles": list(roles),
        "org": org,
    }
    return jwt.encode({"alg": "RS256", "kid": signing.kid, "typ": "at+jwt"}, claims, signing)


@lru_cache(maxsize=1)
def _signing_key(text: str) -> "RSAKey":
    from joserfc.jwk import RSAKey

    return RSAKey.import_key(json.loads(text))  # checks the numbers: 40 ms
