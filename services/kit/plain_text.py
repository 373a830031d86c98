"""Text as people type it, in plain characters."""

import unicodedata


def plain(text: str) -> str:
    """`text` for comparing codes and numbers: compatible forms (NFKC), ASCII's digits, hyphens and spaces.

    What cannot be seen and surrounding space are cut.
    """
    if text.isascii():
        return text.strip()
    return "".join(map(_plain, unicodedata.normalize("NFKC", text))).strip()


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
