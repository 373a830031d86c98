"""Encryption of personal data at rest: a key a child (AES-256-GCM), wrapped by a data key; HMAC-SHA256 for digests.

Source: HKDF, RFC 5869. Keys are derived once, when a vault is made.
"""

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.intake.domain.keys import UNVERSIONED, Active, Digests, KeyPurpose, Keys, Purpose
from services.kit.errors import PermanentError

FORM = b"JK\x00\x01"
"""What sealed data begins with; before children had keys of their own it began with a key's id."""
_KEY, _NONCE = 32, 12


class Unreadable(PermanentError):
    """Sealed bytes of another child, referral or purpose, under a key that is not configured, or changed."""


@dataclass(slots=True, repr=False)
class AesChildKey:
    """A child's own key. Sealed: form (4 bytes), nonce (12), ciphertext with tag; child, referral, purpose beside it.

    `unversioned` opens what was sealed before, with the child's id authenticated. Without `cipher` nothing is sealed.
    """

    child_id: UUID
    version: int
    wrapped: bytes
    cipher: AESGCM | None
    unversioned: Mapping[bytes, AESGCM] = field(default_factory=dict)

    def seal(self, purpose: Purpose, referral_id: UUID, plain: bytes) -> bytes:
        if self.cipher is None:
            raise Unreadable(f"child {self.child_id}: has no key")
        nonce = os.urandom(_NONCE)
        return FORM + nonce + self.cipher.encrypt(nonce, plain, self._beside(purpose, referral_id))

    def open(self, purpose: Purpose, referral_id: UUID, sealed: bytes) -> bytes:
        """Raises Unreadable."""
        start = sealed[: len(FORM)]
        known = start == FORM
        cipher = self.cipher if known else self.unversioned.get(start)
        if cipher is None:
            raise Unreadable(f"child {self.child_id}: sealed under a key that is not there")
        beside = self._beside(purpose, referral_id) if known else self.child_id.bytes
        return _decrypted(cipher, sealed[len(FORM) :], beside, self.child_id)

    def _beside(self, purpose: Purpose, referral_id: UUID) -> bytes:
        return self.child_id.bytes + referral_id.bytes + purpose.encode()


class AesVault:
    """Wraps by the active data key, and opens, indexes and digests by each that is configured."""

    def __init__(self, keys: Keys) -> None:
        data, index, pseudonym = (keys.rings[one] for one in KeyPurpose)
        self._data = {version: AESGCM(_derive(key, "wrap")) for version, key in data.items()}
        self._index = {version: _hmac(key, version, "index", "iin index") for version, key in index.items()}
        self._family = {version: hmac.new(_derive(key, "family"), digestmod="sha256") for version, key in index.items()}
        self._digest = {
            version: _hmac(key, version, "pseudonym", "request digest") for version, key in pseudonym.items()
        }
        self.unversioned = {
            _derive(key, "key id")[: len(FORM)]: AESGCM(_derive(key, "seal")) for key in keys.unversioned
        }
        self.checks = {
            (one, version): hmac.digest(_derive(key, f"check {one}"), b"%d" % version, "sha256")
            for one in KeyPurpose
            for version, key in keys.rings[one].items()
        }
        """By kind and version: what the database keeps, by which a wrong key is noticed."""
        self.active = Active(*(min(keys.rings[one]) for one in KeyPurpose))
        """As last read from the database; until then the oldest, which other processes know too."""

    def newest(self, purpose: KeyPurpose) -> int:
        return max(version for one, version in self.checks if one is purpose)

    def new_key(self, child_id: UUID) -> AesChildKey:
        fresh = os.urandom(_KEY + _NONCE)
        return self._wrap(child_id, fresh[:_KEY], fresh[_KEY:])

    def rewrapped(self, child_id: UUID, version: int, wrapped: bytes) -> AesChildKey:
        """The same key, wrapped by the active data key."""
        return self._wrap(child_id, self._unwrapped(child_id, version, wrapped), os.urandom(_NONCE))

    def key_of(self, child_id: UUID, version: int | None, wrapped: bytes | None) -> AesChildKey:
        """Raises Unreadable."""
        if version is None or wrapped is None:
            return AesChildKey(child_id, UNVERSIONED, b"", None, self.unversioned)
        cipher = AESGCM(self._unwrapped(child_id, version, wrapped))
        return AesChildKey(child_id, version, wrapped, cipher, self.unversioned)

    def indexes(self, iin: str) -> Digests:
        message = iin.encode()
        return {version: _authenticate(keyed, message) for version, keyed in self._index.items()}

    def family_marks(self, referral_id: UUID) -> Digests:
        return {version: _authenticate(keyed, referral_id.bytes) for version, keyed in self._family.items()}

    def digests(self, *parts: bytes) -> Digests:
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return {version: _authenticate(keyed, message) for version, keyed in self._digest.items()}

    def _wrap(self, child_id: UUID, key: bytes, nonce: bytes) -> AesChildKey:
        version = self.active.data
        wrapped = nonce + self._data[version].encrypt(nonce, key, child_id.bytes)
        return AesChildKey(child_id, version, wrapped, AESGCM(key), self.unversioned)

    def _unwrapped(self, child_id: UUID, version: int, wrapped: bytes) -> bytes:
        cipher = self._data.get(version)
        if cipher is None:
            raise Unreadable(f"child {child_id}: its key is wrapped by data key {version}, which is not configured")
        return _decrypted(cipher, wrapped, child_id.bytes, child_id)


def _decrypted(cipher: AESGCM, sealed: bytes, beside: bytes, child_id: UUID) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], beside)
    except (InvalidTag, ValueError):
        raise Unreadable(f"child {child_id}: its sealed data does not open") from None


def _hmac(key: bytes, version: int, purpose: str, unversioned: str) -> hmac.HMAC:
    return hmac.new(_derive(key, unversioned if version == UNVERSIONED else purpose), digestmod="sha256")


def _authenticate(keyed: hmac.HMAC, message: bytes) -> bytes:
    one = keyed.copy()  # faster than hmac.digest, which releases the interpreter lock each time
    one.update(message)
    return one.digest()


def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"joldama intake {purpose}".encode()).derive(key)
