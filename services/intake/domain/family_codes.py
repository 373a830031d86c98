"""The code by which a family finds its referral: when the referral was made, and a mark that only intake can write.

Twenty characters of Crockford's base 32 in groups of five: 35 bits of the referral's id (a UUID of version 7, which
begins with its time), then 65 bits of a keyed digest of the id. No table has it, and none is needed to find it.
"""

from dataclasses import dataclass
from hmac import compare_digest
from uuid import UUID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH, _GROUP = 20, 5
_MARK_BITS, _TIME_BITS, _BEHIND = 65, 35, 88
"""Behind the time's bits are so many of the id: referrals of a quarter of a second have the same."""
_MEANT = str.maketrans("OILАВСЕНКМРТХУО", "011ABCEHKMPTXY0")
"""What people type for it: letters that are left out, and Cyrillic ones that look alike."""
_VALUES = {sign: number for number, sign in enumerate(ALPHABET)}


@dataclass(frozen=True, slots=True)
class FamilyCode:
    """A code as it was typed: the referrals that it may be of, by the bounds of their ids, and its mark."""

    first: UUID
    last: UUID
    mark: bytes

    @property
    def name(self) -> str:
        """The same for the same code, however it was typed."""
        return f"{self.first.hex}{self.mark.hex()}"

    def fits(self, mark: bytes) -> bool:
        """Whether it was made with this keyed digest; takes as long whatever differs."""
        return compare_digest(self.mark, _cut(mark))


def write_code(referral_id: UUID, mark: bytes) -> str:
    """The code with this keyed digest (32 bytes) of the id."""
    number = (_time(referral_id) << _MARK_BITS) | int.from_bytes(_cut(mark))
    signs = [ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5)]
    return "-".join("".join(signs[at : at + _GROUP]) for at in range(0, _LENGTH, _GROUP))


def read_code(text: str) -> FamilyCode | None:
    """The code, however it is spaced and in whatever letters; None when it is none."""
    signs = [sign for sign in text.upper().translate(_MEANT) if sign.isalnum()]
    if len(signs) != _LENGTH or not _VALUES.keys() >= set(signs):
        return None
    number = 0
    for sign in signs:
        number = number << 5 | _VALUES[sign]
    start = number >> _MARK_BITS << _BEHIND
    mark = (number & ((1 << _MARK_BITS) - 1)).to_bytes(9)
    return FamilyCode(UUID(int=start), UUID(int=start | ((1 << _BEHIND) - 1)), mark)


def _time(referral_id: UUID) -> int:
    return (referral_id.int >> _BEHIND) & ((1 << _TIME_BITS) - 1)


def _cut(mark: bytes) -> bytes:
    return (int.from_bytes(mark[:9]) & ((1 << _MARK_BITS) - 1)).to_bytes(9)
