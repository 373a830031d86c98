"""The catalog of refusals and warnings: what is wrong with a field and what would be right, by stable code.

English now; a language is a second table with the same codes. No message repeats a refused value.
"""

from collections.abc import Iterable, Mapping
from typing import Any

_EXCEL = "format the column as Text, then type the number again"
ENGLISH = {
    # shape
    "missing": "is missing: it must be given",
    "extra_forbidden": "is no field of this request: check its spelling, or leave it out",
    "json_invalid": "is no JSON: check its quotes, commas and brackets",
    "text_too_long": "has more than {most} characters: no field takes so many",
    "too_many_members": "has more than {most} members: no field takes so many",
    "too_many_values": "has more than {most} values in all: no request takes so many",
    "too_much_work": "took too long to read: send each value as plain text, without what does not belong to it",
    "json_type": "must be JSON",
    "json_too_deep": "has more braces and brackets within each other than any request needs",
    "body_not_utf8": "is not UTF-8: its byte {position} is {byte}; send JSON in UTF-8",
    "json_not_lines": "is JSON, but not one object a line: write each submission on a line of its own, "
    "without [ ] around them and without commas between them",
    "invalid_utf8": "holds the byte {byte}, which is not UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)",
    "broken_text": "holds half a character: type it again",
    "model_type": "must be a JSON object, in braces",
    "model_attributes_type": "must be a JSON object, in braces",
    "dict_type": "must be a JSON object, in braces",
    "list_type": "must be a list, in square brackets",
    "tuple_type": "must be a list, in square brackets",
    "too_short": "must have at least {min_length} of them",
    "too_long": "must have at most {max_length} of them",
    "string_type": "must be text in quotes",
    "string_unicode": "holds half a character: type it again",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "has another form than it must have, or a character that is not allowed in it",
    "enum": "must be one of: {expected}",
    "literal_error": "must be one of: {expected}",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number, in digits",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large",
    "float_type": "must be a number",
    "float_parsing": "must be a number, in digits",
    "finite_number": "must be a number, in digits",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "uuid_type": "must be an id, as an answer has named it",
    "uuid_parsing": "must be an id, as an answer has named it",
    "date_type": "must be a date, as 2019-12-31",
    "date_parsing": "must be a date, as 2019-12-31",
    "date_from_datetime_parsing": "must be a date, as 2019-12-31",
    "date_from_datetime_inexact": "must be a date without a time, as 2019-12-31",
    "datetime_parsing": "must be a moment, as 2026-12-01T10:30:00+05:00",
    "datetime_type": "must be a moment, as 2026-12-01T10:30:00+05:00",
    "moment_out_of_range": "must be a moment from 1970 to 2199",
    "timezone_aware": "must say its time zone, as 2026-12-01T10:30:00+05:00",
    # rows of a file
    "line_too_long": "has more than {longest} bytes",
    "invalid_csv": 'has a quotation mark (") that is not closed or not alone: close it, write "" for one inside '
    "a cell, or delete it",
    "open_quote": 'has a quotation mark (") that is not closed: delete it, and type again what a ditto mark stood for',
    "wrong_cells": "has {found} cells, not {expected}: compare it with the first line of the file",
    "split_modalities": "has {found} cells, not {expected}: put modalities in quotes or separate them by commas",
    "unnamed_column": "has something in its cell {number}, above which the first line has no name: "
    "delete it, or name the column",
    # numbers as a spreadsheet writes them
    "scientific_notation": f"has become a number such as 2,0E+11, and its last digits are lost: {_EXCEL}",
    "ambiguous_number": "may have a point between thousands or before a fraction: write it without, as 1000",
    # people
    "control_characters": "holds a character that cannot be seen (a line break, a tab or another): delete it and "
    "type the text again",
    "invisible_name": "has no visible letter: type the name",
    "no_name": "is no name, but a sign, a number or a word for none: type the name",
    "letter_lost": "holds ?, where a letter was lost: save the file as CSV UTF-8 and type the name again",
    "garbled_name": "has become other letters, as a file read in another encoding: save the file as CSV UTF-8 and type "
    "the name again",
    "no_iin": "is no IIN: type the twelve digits of the document; leave it empty for a newborn",
    "iin_not_twelve_digits": "must be twelve digits, as in the child's document; where Excel has dropped zeros, "
    "format the column as Text",
    "iin_zeros_lost": f"has lost the zeros at its beginning, as Excel drops them: {_EXCEL}, all twelve digits",
    "invalid_iin": "its check digit does not fit: a digit is mistyped; compare all twelve with the child's document",
    "iin_required": "is missing: only a newborn of up to {days} days may have none",
    "iin_birth_date_mismatch": "is not the one in the IIN's first digits: compare both with the child's document",
    "iin_sex_mismatch": "is not the one in the IIN's seventh digit: compare both with the child's document",
    "iin_without_century": "its seventh digit names no century and sex: compare it with the child's document",
    "iin_without_date": "its first six digits are no date: compare them with the child's document",
    "phone_form": "must be one phone number in digits, as +7 701 123 45 67",
    "invalid_phone": "is no number that a telephone can have: compare its digits, and begin with + and the country, "
    "as +7 701 123 45 67",
    # dates
    "date_form": "must be a date: the day as 31.12.2019 or 2019-12-31",
    "ambiguous_date": "may be two different days, for day and month can be swapped: type it as 2019-12-31",
    "two_digit_year": "must have its year in four digits, as 31.12.2019",
    "no_such_day": "is a day that no calendar has: type it as 31.12.2019 or 2019-12-31",
    "born_in_future": "is after today: compare it with the child's document",
    "not_a_child": "is 18 years ago or more: compare it with the child's document; the network is for children",
    "consent_in_future": "is after today: the day on which the consent was given is meant",
    "consent_missing": "is missing: the child's legal representative must have agreed; give the version and language "
    "of the text, and the day",
    # codes
    "unknown_icd10": "is no code of ICD-10 (WHO, 2019): a letter and digits, as G80.1",
    "several_codes": "must be one code only, as G80.1",
    "unknown_settlement": "is no id of a settlement: take it from data/settlements.csv, as 1526384 for Almaty",
    "duplicate_modality": "was named before: name each once",
    # programmes
    "ages_not_in_order": "age_from_months must be less than age_under_months",
    # free text
    "note_elsewhere": "is not taken here, where no name may be: POST it to intake, "
    "/v1/diagnoses/{{referral_id}}/notes, and send the note_id of the answer",
    "personal_data": "must not hold a phone number or an IIN: leave it out",
}  # fmt: skip


def message(code: str, **given: Any) -> str:
    """The sentence for `code` in the catalog, with its parameters; a code that is not there gets a general one."""
    try:
        return ENGLISH.get(code, "is not what must stand here").format_map(given)
    except KeyError:
        return "is not what must stand here"


def message_of(error: Mapping[str, Any]) -> str:
    """The sentence for one of Pydantic's errors."""
    given = {name: value for name, value in (error.get("ctx") or {}).items() if name != "error"}
    if isinstance(expected := given.get("expected"), str):  # 'a', 'b' or 'c'
        given["expected"] = expected.replace("'", "").replace(" or ", ", ")
    return message(error["type"], **given)


def field_path(parts: Iterable[object]) -> str:
    """A field's dotted path. Parts that a caller made up are cut and hold no character that cannot be written."""
    return ".".join(str(part)[:60].encode("utf-8", "replace").decode() for part in parts)
