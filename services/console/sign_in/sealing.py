"""What the console keeps outside itself is encrypted, and the names of it are digests."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Seal:
    """By the newest of `keys` (32 bytes each); the others still open what they have sealed."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key, "seal"))) for key in keys])
        self._marks = [_derived(key, "mark") for key in keys]

    def seal(self, value: Any) -> bytes:
        """The value, as JSON, encrypted and authenticated."""
        return self._fernet.encrypt(json.dumps(value, separators=(",", ":")).encode())

    def open(self, sealed: bytes | str) -> Any:
        """The value; None when no key opens it."""
        try:
            return json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            return None

    def marks(self, *parts: str) -> list[str]:
        """Short texts that only who has the keys can make of `parts`; the first is of the newest."""
        text = json.dumps(parts).encode()
        digests = (hmac.digest(key, text, "sha256")[:18] for key in self._marks)
        return [base64.urlsafe_b64encode(one).decode() for one in digests]

    def mark(self, *parts: str) -> str:
        return self.marks(*parts)[0]

    def is_mark(self, mark: str, *parts: str) -> bool:
        """Whether one of the keys has made it."""
        return any([hmac.compare_digest(mark.encode(), one.encode()) for one in self.marks(*parts)])


def name_of(secret: str) -> str:
    """The name under which something is kept that `secret` opens: who reads the names knows no secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, f"joldama console {purpose}".encode(), "sha256")
