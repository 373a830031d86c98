"""The short number of a referral, for paper and for the phone: the last six hexadecimal digits of its id."""

import re

DIGITS = 6
_MEANT = str.maketrans("АВСЕДФБОІOILЗ", "ABCEDFB010113")
"""What people type for a digit: Cyrillic letters that look or sound alike, and letters that look like digits."""
_BEFORE = re.compile(r"^\s*(?:№|#|N[OО°º]?\.?(?=[\s\d]))\s*", re.IGNORECASE)
_NUMBER = re.compile(rf"[0-9A-F]{{{DIGITS}}}")


def short_number(referral_id: str) -> str:
    """Of a referral's id, with or without dashes, in upper case."""
    return referral_id.replace("-", "")[-DIGITS:].upper()


def read_short_number(text: str) -> str | None:
    """The number, however it is spaced and in whatever letters; None when it is none."""
    plain = re.sub(r"[\s\-–—./]", "", _BEFORE.sub("", text[:100])).upper().translate(_MEANT)
    return plain if _NUMBER.fullmatch(plain) else None
