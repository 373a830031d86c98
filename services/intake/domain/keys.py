"""What keys are for, and the configured ones by version."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Digests = Mapping[int, bytes]
"""Keyed digests of one thing by the version of the key, 32 bytes each; several only while keys are rotated."""
UNVERSIONED = 0
"""The version of what was made from the one key of before there were versions."""


class KeyPurpose(StrEnum):
    """The three kinds of keys, none of which is derived from another."""

    DATA = "data"
    """Wraps the children's own keys."""
    INDEX = "index"
    """Blind indexes of IINs; families' codes are marked by what is derived from it."""
    PSEUDONYM = "pseudonym"
    """Keyed digests: likenesses of children, idempotency keys and bodies."""


class Purpose(StrEnum):
    """What a child's key seals; authenticated with the child and the referral, so that none is taken for another."""

    SUBMISSION = "submission"
    NOTE = "note"


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """32 bytes by version, for each kind. `unversioned` are keys of before there were versions, the newest first."""

    rings: Mapping[KeyPurpose, Mapping[int, bytes]]
    unversioned: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Active:
    """The versions under which is written now, by the database: every process agrees on them."""

    data: int
    index: int
    pseudonym: int
