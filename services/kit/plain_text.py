"""Text as people type it, in plain characters."""

import re
import unicodedata

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs that show nothing."""

NEIGHBORS = ("+7", "+992", "+993", "+996", "+998")
"""Country codes of Kazakhstan, Russia and their neighbors: phone numbers that are known also without the plus."""


def plain(text: str) -> str:
    """`text` for comparing codes and numbers: compatible forms (NFKC), ASCII's digits, hyphens and spaces.

    What cannot be seen and surrounding space are cut.
    """
    if text.isascii():
        return text.strip()
    return "".join(map(_plain, unicodedata.normalize("NFKC", text))).strip()


def fault_of_name(name: str) -> str | None:
    """The code of what is wrong with the name of a person or a center in the catalog of messages, or None."""
    if _CONTROL.search(name):
        return "control_characters"
    if not any(unicodedata.category(one)[0] not in "CZM" and one not in _FILLERS for one in name):
        return "invisible_name"
    return None


def _plain(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    category = unicodedata.category(character)
    if character.isspace() or category.startswith("Z"):
        return " "
    if category == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    return "" if category == "Cf" else character
