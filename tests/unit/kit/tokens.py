"""Bearer tokens of a made-up issuer, and its key set as a file."""

import json
import time
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER, AUDIENCE = "https://issuer.test", "joldama"


def key_set(*keys: RSAKey) -> str:
    return json.dumps({"keys": [one.as_dict(private=False) for one in keys]})


def write_keys(path: Path, *keys: RSAKey) -> Path:
    path.write_text(key_set(*keys))
    return path


def claims(**changes: Any) -> dict[str, Any]:
    """Claims of a center's token with `changes`; `...` leaves one out."""
    base = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": int(time.time()) + 60, "roles": ["center"], "org": "c1"}
    return {name: value for name, value in (base | changes).items() if value is not ...}


def sign(key: RSAKey, alg: str = "RS256", kid: str | None = "one", **changes: Any) -> str:
    header = {"alg": alg} | ({"kid": kid} if kid else {})
    return jwt.encode(header, claims(**changes), key, algorithms=[alg])
