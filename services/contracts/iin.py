"""Kazakhstan's individual identification number (IIN): twelve digits, of which the last is a check digit.

The first seven said birth date, century and sex when the number was made (rules of Government decree 406 of 2007-05-22,
with the check digit's two rows of weights). They bind nobody: decree 853 of 2013-08-26 untied them from the person's
data (ADR 12).
"""

from dataclasses import dataclass
from datetime import date
from operator import mul

from services.contracts.vocabulary import Sex

_FIRST = range(1, 12)
_SECOND = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
_CENTURY = {"1": 1800, "2": 1800, "3": 1900, "4": 1900, "5": 2000, "6": 2000}


class InvalidIin(ValueError):
    """The number is no IIN; the message says why, without the number."""


@dataclass(frozen=True, slots=True)
class IinFacts:
    """What the digits say of its owner; None where they say nothing."""

    birth_date: date | None
    sex: Sex | None


def check_digit(first_eleven: str) -> int | None:
    """The twelfth digit for the first eleven, or None when these may not be issued."""
    digits = first_eleven.encode()  # each is 48 too much, and 48 times either row's sum is a multiple of 11
    for weights in (_FIRST, _SECOND):
        rest: int = sum(map(mul, weights, digits)) % 11
        if rest < 10:
            return rest
    return None


def read_iin(iin: str) -> IinFacts:
    """Birth date and sex in `iin`, as far as it says them; raises InvalidIin when it is no IIN."""
    if len(iin) != 12 or not (iin.isascii() and iin.isdigit()):
        raise InvalidIin("must be twelve digits")
    if check_digit(iin[:11]) != int(iin[11]):
        raise InvalidIin("its check digit does not fit")
    if iin[6] not in _CENTURY:
        return IinFacts(None, None)
    try:
        born = date(_CENTURY[iin[6]] + int(iin[:2]), int(iin[2:4]), int(iin[4:6]))
    except ValueError:
        born = None
    return IinFacts(born, Sex.MALE if int(iin[6]) % 2 else Sex.FEMALE)
