"""Phone numbers, as E.164."""

import re

import phonenumbers

from services.intake.domain.values.typed import Refused, refuse_scientific, typed
from services.kit.plain_text import NEIGHBORS

OUR_PHONE = re.compile(r"\+7[67][0-9]{9}")
"""A number of Kazakhstan; the library does not know each range that is in use, or kept for tests."""
_PHONE = re.compile(r"\(?\+?[\d\s().-]+")


def phone(value: object) -> object:
    """E.164. A number without a country is one of Kazakhstan, unless only a plus is missing."""
    text = typed(value)
    if not isinstance(text, str) or OUR_PHONE.fullmatch(text):
        return text
    refuse_scientific(text)
    text = re.sub(r"(?<=\d{11})[.,]0$", "", text)
    if not _PHONE.fullmatch(text):
        raise Refused("phone_form")
    found = _e164(text)
    if not found and "+" not in text:
        found = _e164("+" + re.sub(r"\D", "", text).removeprefix("00"))
        found = found if found and found.startswith(NEIGHBORS) else None
    if not found and text.startswith("+8"):  # the 8 that is dialled within the country
        found = _e164(text[1:])
    if not found:
        raise Refused("invalid_phone")
    return found


def _e164(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text, "KZ")
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if phonenumbers.is_valid_number(number) or OUR_PHONE.fullmatch(written) else None
