"""Sealing of personal data, as the handlers use it."""

from typing import Protocol
from uuid import UUID

from services.intake.domain.keys import Digests, Purpose


class ChildKey(Protocol):
    """A child's own key: all of the child's data is sealed by it, and gone with it."""

    @property
    def child_id(self) -> UUID: ...

    @property
    def version(self) -> int:
        """That of the data key which wraps it."""
        ...

    @property
    def wrapped(self) -> bytes: ...

    def seal(self, purpose: Purpose, referral_id: UUID, plain: bytes) -> bytes: ...

    def open(self, purpose: Purpose, referral_id: UUID, sealed: bytes) -> bytes:
        """Raises PermanentError when it is another child's or referral's, of another purpose, or changed."""
        ...


class Vault(Protocol):
    """Encrypts personal data at rest."""

    def new_key(self, child_id: UUID) -> ChildKey:
        """A key that is to be stored wrapped, in the transaction that stores what it seals."""
        ...

    def key_of(self, child_id: UUID, version: int | None, wrapped: bytes | None) -> ChildKey:
        """The stored key; without one (None) it opens only what was sealed before children had keys."""
        ...

    def indexes(self, iin: str) -> Digests:
        """The blind indexes of an IIN: equal for equal IINs, and not reversible without the key."""
        ...

    def family_marks(self, referral_id: UUID) -> Digests:
        """What only this service can write into a referral's family code."""
        ...

    def digests(self, *parts: bytes) -> Digests:
        """Keyed digests of `parts`, for comparing what must not be stored."""
        ...
