"""IINs: twelve digits."""

import re

from services.contracts.iin import check_digit
from services.intake.domain.values.typed import Refused, digits

PLACEHOLDER = re.compile(r"000000[0-9]{6}|([0-9])\1{11}")
"""Digits that stand for an IIN that nobody knows; the check digit of some fits."""


def iin(value: object) -> object:
    """Twelve digits, without a look at what they say."""
    text = digits(value)
    if not isinstance(text, str):
        return text
    if not re.fullmatch(r"[0-9]{12}", text):
        whole = text.zfill(12) if re.fullmatch(r"[1-9]\d{5,10}", text) else ""
        lost = bool(whole) and check_digit(whole[:11]) == int(whole[11])
        raise Refused("iin_zeros_lost" if lost else "iin_not_twelve_digits")
    if PLACEHOLDER.fullmatch(text):
        raise Refused("no_iin")
    return text
