"""Names of people: kept as they were typed, unless an encoding or a spreadsheet has destroyed them."""

import re

from services.intake.domain.values.typed import Refused
from services.kit.plain_text import fault_of_name

_NO_NAMES = frozenset({"NULL", "NONE", "NAN", "N/A", "NA", "UNDEFINED", "НЕТ", "Н/Д", "ЖОҚ"})
_REST = bytes(range(0x80, 0xC0))
_GARBLED = re.compile(
    f"[РСТУ][{re.escape(_REST.decode('cp1251', 'ignore'))}]|[ÐÑÒÓ][{re.escape(_REST.decode('cp1252', 'ignore'))}]"
)
"""One Cyrillic letter of UTF-8 as Windows' Cyrillic and Latin code pages show its two bytes."""
_ALL_ACCENTS = re.compile(r"[À-ÿ]{2,}(?:[\s.-]+[À-ÿ]+)*\.?")
"""Words of Windows' Cyrillic code page as its Latin one shows them."""


def name(value: object) -> object:
    """A person's name as it was typed, without the space around it."""
    if not isinstance(value, str):
        return value
    text = value.strip().strip("\ufeff\u200b").strip()
    if code := fault_of_name(text):
        raise Refused(code)
    _refuse_lost_letters(text)
    return text


def _refuse_lost_letters(name: str) -> None:
    """Names as encodings and spreadsheets destroy them."""
    if "?" in name or "\ufffd" in name:
        raise Refused("letter_lost")
    if name.startswith("#") or name.upper() in _NO_NAMES or not any(map(str.isalpha, name)):
        raise Refused("no_name")
    rest, pairs = _GARBLED.subn("", name)
    if (pairs > 1 and not any(map(str.isalpha, rest))) or (len(name) > 3 and _ALL_ACCENTS.fullmatch(name)):
        raise Refused("garbled_name")
