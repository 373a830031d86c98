"""Text and numbers as they are typed or saved by a spreadsheet, before a field is read from them."""

import re
import unicodedata

from services.kit.budget import check
from services.kit.plain_text import plain

_ALIKE = str.maketrans("АВЕНКМОРСТУХІӀЈЅԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEHKMOPCTYXIIJSQWABEZHIKMNOPTYX")
"""Cyrillic and Greek capital letters that look as Latin ones do."""
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d*)?E[+-]?\d+", re.IGNORECASE)
_SPACE = " \t\n\r\v\f\x1c\x1d\x1e\x1f"
_BEFORE, _AFTER = f"='\"{_SPACE}", f"'\".,;{_SPACE}"
"""What a spreadsheet marks text with, and signs behind it, in whatever order: what is read is read so again."""
EMPTY_FRACTION = re.compile(r"(?<=\d)[.,]0+$")
LONGEST = 60
"""Characters of a date or a level with words around it."""


class Refused(ValueError):
    """A value that cannot be read as one thing; `code` is that of its message."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def typed(value: object) -> object:
    """Plain text of text or of a whole number, without a sign after it and those by which a spreadsheet marks text."""
    check(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 and (abs(value) < 1e11 or value % 1000):
        return str(int(value))  # an IIN with zeros at its end may have been 2.0E+11
    return plain(value).lstrip(_BEFORE).rstrip(_AFTER) if isinstance(value, str) else value


def digits(value: object) -> object:
    """A number that names something: without spaces and hyphens between its digits, and without an empty fraction."""
    text = typed(value)
    if not isinstance(text, str):
        return text
    refuse_scientific(text)
    together = EMPTY_FRACTION.sub("", re.sub(r"(?<=\d)[\s-]+(?=\d)", "", text))
    return together if together.isdecimal() else text


def refuse_scientific(text: str) -> None:
    if _SCIENTIFIC.fullmatch(text.replace(" ", "")):
        raise Refused("scientific_notation")


def latin(text: str) -> str:
    return unicodedata.normalize("NFKC", text.upper().translate(_ALIKE))
