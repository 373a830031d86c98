"""What is wrong with a field, in the reader's language: the sentences of the APIs' stable codes."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from services.console.words.i18n import N_, Words

UNKNOWN = N_("Check what is written here")
_DATE = N_("Type the date as 31.12.2019")
_CHOOSE = N_("Choose one of the answers")
_TWELVE = N_("An IIN has twelve digits. Compare it with the child's document")
_DAMAGED = N_("A spreadsheet has damaged this number. Type all its digits")
_PHONE = N_("This is no phone number. Type it as +7 701 123 45 67")
_TEXT = N_("Type this again: a character of it cannot be read")
_NUMBER = N_("Type a number in digits")
_TOO_LONG = N_("This is too long")
_SWAPPED = N_("The day and the month may be swapped. Type the date as 31.12.2019")
SENTENCES: Mapping[str, str] = {
    "missing": N_("Fill this in"),
    "enum": _CHOOSE,
    "literal_error": _CHOOSE,
    "unknown_reason": N_("Choose a reason"),
    "unknown_outcome": N_("Choose an outcome"),
    "too_short": N_("Choose at least one"),
    "duplicate_modality": N_("This is chosen twice"),
    "string_too_short": N_("Fill this in"),
    "string_too_long": _TOO_LONG,
    "text_too_long": _TOO_LONG,
    "string_pattern_mismatch": UNKNOWN,
    "iin_not_twelve_digits": _TWELVE,
    "iin_zeros_lost": _TWELVE,
    "invalid_iin": N_("A digit of the IIN is mistyped. Compare all twelve with the child's document"),
    "no_iin": N_("This is no IIN. Leave it empty for a newborn who has none yet"),
    "iin_required": N_("Only a newborn of up to two months may have no IIN"),
    "iin_taken": N_("Another child has this IIN"),
    "iin_birth_date_mismatch": N_("The IIN says another birth date. Compare both with the child's document"),
    "iin_sex_mismatch": N_("The IIN says another sex. Compare both with the child's document"),
    "iin_without_century": N_("The IIN names no century and sex. Compare it with the child's document"),
    "iin_without_date": N_("The IIN has no date in it. Compare it with the child's document"),
    "possible_duplicate": N_("An open referral looks like this child's"),
    "scientific_notation": _DAMAGED,
    "phone_form": _PHONE,
    "invalid_phone": _PHONE,
    "date_form": _DATE,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "two_digit_year": N_("Type the year in four digits, as 31.12.2019"),
    "ambiguous_date": _SWAPPED,
    "no_such_day": N_("No calendar has this day. Type the date as 31.12.2019"),
    "born_in_future": N_("This day is still to come. Compare it with the child's document"),
    "not_a_child": N_("This was 18 years ago or more. The network is for children"),
    "consent_in_future": N_("This day is still to come. Give the day on which the consent was signed"),
    "consent_missing": N_("The child's representative must have agreed in writing"),
    "day_out_of_range": N_("Choose a day from today to a year ahead"),
    "unknown_icd10": N_("There is no such diagnosis. Type a code, as G80.1, or a name"),
    "several_codes": N_("Name one diagnosis only"),
    "unknown_settlement": N_(
        "This place is not in the list. Type its name and choose it from the list; if it is not there, choose the "
        "nearest one that is"
    ),
    "no_name": N_("Type the name"),
    "invisible_name": N_("Type the name"),
    "letter_lost": N_("A letter has become a question mark. Type the name again"),
    "garbled_name": N_("The letters are damaged. Type the name again"),
    "control_characters": _TEXT,
    "broken_text": _TEXT,
    "invalid_utf8": N_("The letters cannot be read. Save the file as CSV UTF-8"),
    "ambiguous_number": N_("Type the number without a point between thousands, as 1000"),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "int_parsing": _NUMBER,
    "greater_than": N_("The number is too small"),
    "greater_than_equal": N_("The number is too small"),
    "less_than_equal": N_("The number is too large"),
    "less_than": N_("The number is too large"),
    "personal_data": N_("Leave out phone numbers and IINs"),
    "line_too_long": _TOO_LONG,
    "invalid_csv": N_("A quotation mark is not closed. Delete it"),
    "open_quote": N_("A quotation mark is not closed. Delete it"),
    "wrong_cells": N_("The row has more or fewer cells than the first line"),
    "split_modalities": N_("Separate several kinds of care by semicolons"),
    "unnamed_column": N_("A cell stands in a column without a name"),
    "json_invalid": N_("The line cannot be read"),
    "json_not_lines": N_("Write each child on a line of its own"),
}


class Fault(Protocol):
    """A refused field of an API's answer."""

    @property
    def field(self) -> str: ...
    @property
    def code(self) -> str: ...


def sentence(words: Words, code: str) -> str:
    return words.gettext(SENTENCES.get(code, UNKNOWN))


def by_field(words: Words, faults: Iterable[Fault], fields: Iterable[str]) -> dict[str, str]:
    """The first sentence of each of a form's `fields`; a fault of `modalities.0` is one of `modalities`."""
    order, found = list(fields), dict[str, str]()
    for one in faults:
        parents = (field for field in order if one.field.startswith(f"{field}."))
        name = one.field if one.field in order else next(parents, one.field)
        found.setdefault(name, sentence(words, one.code))
    known = {name: found.pop(name) for name in order if name in found}
    return known | ({"": next(iter(found.values()))} if found else {})
