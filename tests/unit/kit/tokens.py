"""Bearer tokens of a made-up issuer, and its key set as a file."""

import json
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey
ISSUER, AUDIENCE = "https://issuer.test", "joldama"


def key_set(*keys: Key) -> str:
    return json.dumps({"keys": [one.as_dict(private=False) for one in keys]})


def write_keys(path: Path, *keys: Key) -> Path:
    path.write_text(key_set(*keys))
    return path


def claims(**changes: Any) -> dict[str, Any]:
    """Claims of a center's token with `changes`; `...` leaves one out."""
    base = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": int(time.time()) + 60, "roles": ["center"], "org": "c1"}
    return {name: value for name, value in (base | changes).items() if value is not ...}


def sign(
    key: Key, alg: str = "RS256", kid: str | None = "one", header: Mapping[str, Any] | None = None, **changes: Any
) -> str:
    """A token with `changes` of its claims, and more in its `header`."""
    whole = {"alg": alg} | ({"kid": kid} if kid else {}) | dict(header or {})
    with warnings.catch_warnings(action="ignore"):  # of EdDSA, by a new name for it
        return jws.serialize_compact(whole, json.dumps(claims(**changes)), key, algorithms=[alg])
