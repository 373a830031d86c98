"""Encryption of personal data at rest: AES-256-GCM, and blind indexes by HMAC-SHA256. Source: HKDF, RFC 5869."""

import hmac
import os
from collections.abc import Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.kit.errors import PermanentError

_KEY_ID, _NONCE = 4, 12


class Unreadable(PermanentError):
    """Sealed bytes of another child, under a key that is not configured, or changed."""


class AesVault:
    """Seals by the newest key, opens by any, and makes indexes by the oldest, so that keys can be rotated.

    A sealed value is: key id (4 bytes), nonce (12), ciphertext with tag; the child's id is authenticated beside it.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_derive(key, "key id")[:_KEY_ID]: AESGCM(_derive(key, "seal")) for key in keys}
        self._current, self._cipher = next(iter(self._ciphers.items()))
        self._index = hmac.new(_derive(keys[-1], "iin index"), digestmod="sha256")
        self._digest = hmac.new(_derive(keys[-1], "request digest"), digestmod="sha256")

    def seal(self, child_id: UUID, plain: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return self._current + nonce + self._cipher.encrypt(nonce, plain, child_id.bytes)

    def open(self, child_id: UUID, sealed: bytes) -> bytes:
        """Raises Unreadable."""
        cipher = self._ciphers.get(sealed[:_KEY_ID])
        if cipher is None:
            raise Unreadable(f"child {child_id}: sealed under a key that is not configured")
        try:
            return cipher.decrypt(sealed[_KEY_ID : _KEY_ID + _NONCE], sealed[_KEY_ID + _NONCE :], child_id.bytes)
        except InvalidTag:
            raise Unreadable(f"child {child_id}: its sealed data does not open") from None

    def index(self, iin: str) -> bytes:
        """The blind index of an IIN, 32 bytes: equal for equal IINs, and not reversible without the key."""
        return _authenticate(self._index, iin.encode())

    def digest(self, *parts: bytes) -> bytes:
        """A keyed digest of `parts`, 32 bytes, for comparing what must not be stored."""
        return _authenticate(self._digest, b"".join(len(part).to_bytes(4, "big") + part for part in parts))


def _authenticate(keyed: hmac.HMAC, message: bytes) -> bytes:
    one = keyed.copy()  # faster than hmac.digest, which releases the interpreter lock each time
    one.update(message)
    return one.digest()


def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"joldama intake {purpose}".encode()).derive(key)
