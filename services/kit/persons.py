"""The name by which a token's subject stands in logs and histories: the staff id, or a keyed pseudonym."""

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLAIN = re.compile(r"[A-Za-z0-9._@+=|:-]{1,40}")
_BETWEEN = re.compile(r"[\W_]+")
_TWELVE = re.compile(r"\d{12}")
PREFIX = "p:"
"""Of a pseudonym: no subject that is shown as it is begins so."""


class Persons:
    """Names of subjects under the newest of `keys`; without a key, and for an empty subject, the name is empty."""

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._keys = [derive(one, "person") for one in keys]

    def name(self, subject: str) -> str:
        """At most 40 characters. A subject with twelve digits in a row may be an IIN, whatever stands between them."""
        return next(iter(self.names(subject)), "")

    def names(self, subject: str) -> list[str]:
        """Under every key, the newest first: older acts have the name of their time."""
        if not self._keys or not subject:
            return []
        if _is_plain(subject):
            return [subject]
        return [PREFIX + hmac.digest(key, subject.encode(), "sha256").hex()[:24] for key in self._keys]


def _is_plain(subject: str) -> bool:
    if subject.startswith(PREFIX) or not _PLAIN.fullmatch(subject):
        return False
    return bool(_UUID.fullmatch(subject)) or not _TWELVE.search(_BETWEEN.sub("", subject))


def derive(key: bytes, purpose: str) -> bytes:
    """A key for one purpose of a random key of 32 bytes."""
    return hmac.digest(key, f"joldama audit {purpose}".encode(), sha256)
