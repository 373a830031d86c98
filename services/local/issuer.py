"""The local token issuer: an RS256 key of the home, its public half as a JWKS file, and signed tokens."""

import base64
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from services.contracts.vocabulary import PROCESSES
from services.kit.local_tokens import sign_token
from services.local.home import Home, NotRunning
from services.local.private import write_private

DAY = 86_400
KEYS = ("audit-key", "console-key", "event-key")
"""Files of 32 random bytes in base64."""


def make_secrets(home: Home) -> None:
    """Make all keys and their JWKS where missing; new tokens of processes."""
    key, jwks = signing_key_file(home), home.secrets / "jwks.json"
    for file in intake_keys(home).values():
        if not file.exists():
            write_private(file, f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
    for name in KEYS:
        if not (file := home.secrets / name).exists():
            write_private(file, base64.b64encode(os.urandom(32)).decode())
    if not key.exists() or not jwks.exists():
        from joserfc.jwk import KeySet, RSAKey

        made = RSAKey.generate_key(2048, {"kid": secrets.token_hex(8), "use": "sig", "alg": "RS256"})
        write_private(jwks, json.dumps(KeySet([made]).as_dict(private=False)))
        write_private(key, json.dumps(made.as_dict(private=True)))
    renew_process_tokens(home)


def intake_keys(home: Home) -> dict[str, Path]:
    """The files with intake's keys, by the variable that names each."""
    names = ("data", "index", "pseudonym")
    return {f"JOLDAMA_INTAKE_{name.upper()}_KEYS": home.secrets / f"{name}-keys" for name in names}


def renew_process_tokens(home: Home) -> None:
    """Write the tokens with which processes call other services, one each; valid for two days, renewed daily."""
    for role in PROCESSES:
        token = issue_token(home, [role], subject=role, lifetime=2 * DAY)
        write_private(process_token(home, role), token)


def process_token(home: Home, role: str) -> Path:
    """The file with the token of the process with this role."""
    return home.secrets / f"{role}-token"


def issue_token(home: Home, roles: Sequence[str], org: str = "", subject: str = "", lifetime: float = DAY) -> str:
    """A bearer token for `roles` of organization `org` (a polyclinic's or a center's id), valid for `lifetime` seconds.

    Raises NotRunning when this home has no key yet.
    """
    try:
        key = signing_key_file(home).read_text()
    except FileNotFoundError:
        raise NotRunning(f"There is no network in {home.root} yet: start one with `joldama up`.") from None
    return sign_token(key, roles, org, subject or org or "-".join(roles), lifetime)


def signing_key_file(home: Home) -> Path:
    return home.secrets / "issuer-key.json"
