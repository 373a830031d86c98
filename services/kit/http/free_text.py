"""Free text in a request's body: of bounded length, without phone numbers and IINs."""

import re
from collections.abc import Iterator
from operator import mul
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from services.kit.messages import message
from services.kit.plain_text import NEIGHBORS, plain

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text holds no NUL."""
_GAP = r"[\W_]{0,8}"
"""What may stand between two digits of one number: no letter."""
_DAY, _MONTH = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])"
_FULL = rf"(?:(?:19|20)\d\d(?P<a>[-./]){_MONTH}(?P=a){_DAY}|{_DAY}(?P<b>[-./]){_MONTH}(?P=b)(?:19|20)\d\d)"
_TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
_FULL_AGAIN = _FULL.replace("<a>", "<c>").replace("=a", "=c").replace("<b>", "<d>").replace("=b", "=d")
_SHORT = rf"(?:{_DAY}\.{_MONTH}(?:\.\d\d)?|(?:[01]?\d|2[0-3])\.[0-5]\d|{_TIME})(?![.:]?\d)"
_BETWEEN = r"\s{0,2}[-,;/]?\s{0,2}"
_MONEY = r"₸|\$|€|₽|(?:тг|тенге|теңге|руб(?:л\w{1,2})?|сом(?:а|ов)?|сум(?:а|ов)?|kzt|tenge|usd|eur)(?!\w)"
_AMOUNT = rf"\d{{1,3}}(?:[ .,]\d{{3}})*(?:[.,]\d\d?)?(?= ?(?:{_MONEY}))"
_HARMLESS = re.compile(
    rf"(?P<date>(?<![\d+.]){_FULL}(?:T(?=\d\d:))?(?!\d))"
    rf"|(?P<chain>(?<![\d+.:-]){_SHORT}(?:{_BETWEEN}(?:{_FULL_AGAIN}(?!\d)|{_SHORT}))*"
    rf"(?:(?<=\.(?:19|20)\d\d)|(?=\W{{0,3}}{_AMOUNT})|(?!(?:{_GAP}\d){{6}})))"
    rf"|(?P<time>(?<![\d:]){_TIME}(?![\d:]))"
    rf"|(?P<money>(?<![\d+]){_AMOUNT})",
    re.IGNORECASE,
)
"""Dates; short dates and dotted times, which other digits may make an IIN or a phone; times; amounts of money."""
_BEFORE = {
    "date": re.compile(r"\d-$"),
    "chain": re.compile(rf"(?:\d{_GAP}){{6}}$"),
    "time": re.compile(rf"(?:\d{_GAP}){{6}}$"),
    "money": re.compile(rf"(?:\d{_GAP}){{4}}$"),
}
"""Digits in front of what looks harmless that make it the end of a number."""
_DIGITS_END, _DIGIT_NEXT = re.compile(r"\d\W?\d\W?\d[ -]$"), re.compile(r"[ -]\d")
"""Around a time or a short date that stands within a number."""
_RUN = re.compile(rf"\+?\d(?:{_GAP}\d){{6,}}")
_ZERO = re.compile(r"(?<!\w)[\dOОoо]{2,}(?!\w)")
"""Digits among which the letter O stands for a zero."""
_NATIONAL = re.compile(r"[78]?[3-9]\d{9}|0\d{9}|(?:00|810)?(?:[1-689]\d|7)\d{9,11}")
"""Ten to fifteen digits without a plus that may be a phone number; the rest is not worth parsing."""
_IIN = re.compile(r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{6}")
_IIN_WEIGHTS = (range(1, 12), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2))
MOST_TRIES = 300
"""Digits of one text that are looked at as a phone number, which is slow."""
_REGIONS = ("KZ", "RU", "KG")


def holds_number(text: str) -> bool:
    """Whether `text` holds what looks like a phone number or an IIN, however it is spelled."""
    text = _ZERO.sub(lambda found: re.sub(r"\D", "0", found[0]), plain(text))
    tried: set[tuple[str, str | None]] = set()
    if any(digits.startswith(NEIGHBORS) and _is_phone(digits, None, tried) for digits, _ in _windows(text)):
        return True
    return any(_is_number(digits, groups, tried) for digits, groups in _windows(_without_harmless(text)))


def _without_harmless(text: str) -> str:
    """`text` with a letter in place of what looks harmless, unless it is a part of a longer number."""
    kept, end = "", 0
    for found in _HARMLESS.finditer(text):
        kept += text[end : found.start()]
        inside = len(found[0]) < 6 and _DIGITS_END.search(kept[-6:]) and _DIGIT_NEXT.match(text, found.end())
        kept += found[0] if inside or _BEFORE[found.lastgroup or ""].search(kept[-80:]) else " x "
        end = found.end()
    return kept + text[end:]


def _windows(text: str) -> Iterator[tuple[str, int]]:
    """The digits of neighboring groups in `text`, at most fifteen, with the plus in front; and how many groups."""
    for run in _RUN.finditer(text):
        groups = re.findall(r"\+?\d+", run[0])
        for first in range(len(groups)):
            window = ""
            for count, group in enumerate(groups[first:], 1):
                if len(window := window + group.lstrip("+" if window else "")) > 16:
                    break
                yield window, count


def _is_number(digits: str, groups: int, tried: set[tuple[str, str | None]]) -> bool:
    if digits.startswith("+"):
        return _is_phone(digits, None, tried)
    if len(digits) == 12 and _IIN.fullmatch(digits) and (groups <= 4 or _check_digit_fits(digits)):
        return True
    if not _NATIONAL.fullmatch(digits):
        return False
    abroad = "+" + digits.removeprefix("00")
    far = groups > 4 and not digits.startswith("00") and not abroad.startswith(NEIGHBORS)
    return (not far and _is_phone(abroad, None, tried)) or any(_is_phone(digits, one, tried) for one in _REGIONS)


def _check_digit_fits(iin: str) -> bool:
    """Many short numbers in a row may begin like an IIN."""
    sums = (sum(map(mul, weights, map(int, iin))) % 11 for weights in _IIN_WEIGHTS)
    return next((rest for rest in sums if rest < 10), None) == int(iin[11])


def _is_phone(digits: str, region: str | None, tried: set[tuple[str, str | None]]) -> bool:
    """Also when MOST_TRIES others were none: a text with so many of them is no note."""
    if (digits, region) in tried:
        return False
    if len(tried) == MOST_TRIES:
        return True
    tried.add((digits, region))
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False


def _without_numbers(text: str) -> str:
    if holds_number(text):
        raise PydanticCustomError("personal_data", "{why}", {"why": message("personal_data")})
    return text


RequiredFreeText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=NO_NUL),
    AfterValidator(_without_numbers),
]
"""1 to 500 characters."""
