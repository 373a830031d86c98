"""Dates of birth in the forms that people and spreadsheets write."""

import re
from datetime import date, timedelta

from services.intake.domain.values.typed import EMPTY_FRACTION, LONGEST, Refused, refuse_scientific, typed

_MIDNIGHT = r"(?:[T ]+0?0:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?)?"
_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""As programs send it."""
_YEAR_WORD = r"(?: ?(?:[гж]|года?|г\. ?р|г(?:\.|ода?) рождения|жылы)\.?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-./])(\d{{1,2}})\2(\d{{1,2}}){_MIDNIGHT}", re.IGNORECASE)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-./])(\d{{1,2}})\2(\d{{4}}|\d\d){_MIDNIGHT}{_YEAR_WORD}", re.IGNORECASE)
_SERIAL = re.compile(r"[2-6]\d{4}")
_SERIAL_ZERO = date(1899, 12, 30)
"""Day 0 of a spreadsheet's serial dates, as they count since March 1900; 20000 to 69999 are 1954 to 2091."""
_MONTH_STEMS = (
    ("ЯНВ", "ҚАҢ", "JAN"), ("ФЕВ", "АҚП", "FEB"), ("МАР", "НАУ", "MAR"), ("АПР", "СӘУ", "APR"),
    ("МАЙ", "МАЯ", "МАМ", "MAY"), ("ИЮН", "МАУ", "JUN"), ("ИЮЛ", "ШІЛ", "JUL"), ("АВГ", "ТАМ", "AUG"),
    ("СЕН", "ҚЫР", "SEP"), ("ОКТ", "ҚАЗ", "OCT"), ("НОЯ", "ҚАР", "NOV"), ("ДЕК", "ЖЕЛ", "DEC"),
)  # fmt: skip
_MONTHS = {stem: str(number) for number, stems in enumerate(_MONTH_STEMS, 1) for stem in stems}
_DAY_IN_WORDS = re.compile(rf"(\d{{1,2}})[ .-]+([^\W\d]{{3,9}})[ .,-]+(\d{{4}}){_YEAR_WORD}", re.IGNORECASE)


def day(value: object) -> object:
    """A date: day first with points, year first, or a spreadsheet's serial number."""
    if isinstance(value, str) and _WRITTEN.fullmatch(value):
        return _date(*value.split("-"))
    text = typed(value)
    if not isinstance(text, str) or len(text) > LONGEST:
        raise Refused("date_form")
    refuse_scientific(text)
    if " " in text:
        text = re.sub(r" *([-./]) *", r"\1", text)
    if found := _YEAR_FIRST.fullmatch(text):
        return _date(found[1], found[3], found[4])
    if found := _YEAR_LAST.fullmatch(text):
        return _day_first(found[1], found[3], found[4], dotted=found[2] == ".")
    if (found := _DAY_IN_WORDS.fullmatch(text)) and (month := _MONTHS.get(found[2][:3].upper())):
        return _date(found[3], month, found[1])
    if _SERIAL.fullmatch(serial := EMPTY_FRACTION.sub("", text)):
        return _SERIAL_ZERO + timedelta(days=int(serial))
    raise Refused("date_form")


def _day_first(first: str, second: str, year: str, dotted: bool) -> date:
    """With points the day is always first; with other signs it may be the month."""
    if len(year) == 2:
        raise Refused("two_digit_year")
    if dotted or int(first) > 12 or first.zfill(2) == second.zfill(2):
        return _date(year, second, first)
    if int(second) > 12:
        return _date(year, first, second)
    raise Refused("ambiguous_date")


def _date(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise Refused("no_such_day") from None
