"""Free text in a request's body: of bounded length, without phone numbers and IINs."""

import re
from collections.abc import Iterator
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from services.kit.messages import message
from services.kit.plain_text import plain

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text holds no NUL."""
_DAY, _MONTH = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])"
_HARMLESS = re.compile(
    rf"(?<![\d+.-])(?:(?:19|20)\d\d([-./]){_MONTH}\1{_DAY}|{_DAY}([-./]){_MONTH}\2(?:19|20)\d\d)(?:T(?=\d\d:))?(?![\d-])"
    rf"|(?<![\d+.-]){_DAY}\.{_MONTH}\.\d\d ?- ?{_DAY}\.{_MONTH}\.\d\d(?![\d.-])"
    r"|(?<![\d:])(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?![\d:])"
    r"|(?<![\d+])\d{1,3}(?:[ .,]\d{3})*(?:[.,]\d\d?)?(?= ?(?:₸|\$|€|₽|тг|тенге|теңге|руб|сом|сум|kzt|tenge|usd|eur))",
    re.IGNORECASE,
)
"""Dates with four digits of the year, two dates with a hyphen between, times, and amounts of money."""
_RUN = re.compile(r"\+?\d(?:[\s()./\\|*_,-]{0,3}\d){6,}")
_NATIONAL = re.compile(r"[78]?[3-9]\d{9}|0\d{9}|(?:00|810)?(?:[1-689]\d|7)\d{9,11}")
"""Ten to fifteen digits without a plus that may be a phone number; the rest is not worth parsing."""
_IIN = re.compile(r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{6}")
_REGIONS = ("KZ", "RU", "KG")


def holds_number(text: str) -> bool:
    """Whether `text` holds what looks like a phone number or an IIN, however it is spelled."""
    return any(map(_is_number, _windows(_HARMLESS.sub(" ; ", plain(text)))))


def _windows(text: str) -> Iterator[str]:
    """The digits of neighboring groups in `text`, seven to fifteen of them, with the plus in front of the first."""
    for run in _RUN.finditer(text):
        groups = re.findall(r"\+?\d+", run[0])
        for first in range(len(groups)):
            window = ""
            for group in groups[first:]:
                if len(window := window + group.lstrip("+" if window else "")) > 16:
                    break
                yield window


def _is_number(digits: str) -> bool:
    if digits.startswith("+"):
        return _is_phone(digits, None)
    if len(digits) == 12 and _IIN.fullmatch(digits):
        return True
    if not _NATIONAL.fullmatch(digits):
        return False
    return _is_phone("+" + digits.removeprefix("00"), None) or any(_is_phone(digits, region) for region in _REGIONS)


def _is_phone(digits: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False


def _without_numbers(text: str) -> str:
    if holds_number(text):
        raise PydanticCustomError("personal_data", "{why}", {"why": message("personal_data")})
    return text


FreeText = Annotated[str, StringConstraints(max_length=500, pattern=NO_NUL), AfterValidator(_without_numbers)]
"""At most 500 characters."""
RequiredFreeText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=NO_NUL),
    AfterValidator(_without_numbers),
]
"""The same, and not empty."""
