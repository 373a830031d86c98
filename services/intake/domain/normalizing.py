"""What was meant by what was typed: the one place that turns what people and spreadsheets write into values.

Pure. Every function takes any JSON value and returns the normalized one, or raises Refused with a code of the catalog.
A value of a wrong type, and a code that is in no list, is returned as it is: the submission's shape refuses it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import orjson
import phonenumbers

from services.contracts.iin import check_digit
from services.contracts.vocabulary import Modality
from services.intake.domain.field_errors import FieldError
from services.kit.messages import field_path
from services.kit.plain_text import plain

_ALIKE = str.maketrans("АВЕНКМОРСТУХІӀЈЅԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEHKMOPCTYXIIJSQWABEZHIKMNOPTYX")
"""Cyrillic and Greek capital letters that look as Latin ones do."""
_SEXES = {
    "female": ("F", "FEMALE", "Ж", "ЖЕН", "ЖЕНСКИЙ", "ДЕВОЧКА", "ӘЙЕЛ", "ҚЫЗ", "ҚЫЗ БАЛА"),
    "male": ("M", "MALE", "М", "МУЖ", "МУЖСКОЙ", "МАЛЬЧИК", "ЕР", "ЕРКЕК", "ҰЛ", "ҰЛ БАЛА"),
}
_SEX = {word: sex for sex, words in _SEXES.items() for word in words}
_MODALITIES = frozenset(Modality)
_CARE = {
    Modality.INPATIENT: ("стационар", "стационарно", "круглосуточный стационар", "тәуліктік стационар"),
    Modality.DAY_STAY: ("дневной стационар", "күндізгі стационар"),
    Modality.OUTPATIENT: ("амбулаторно", "амбулаторный", "амбулаторная", "амбулаториялық"),
    Modality.HOME_CARE: ("на дому", "үйде"),
}
_MODALITY = {name: modality.value for modality, names in _CARE.items() for name in names}
"""Modalities in words of Russian and Kazakh that mean no other."""
_LEVELS = {str(number): level for number, level in enumerate(("I", "II", "III", "IV", "V"), 1)}
_LEVEL_WORDS = re.compile(
    r"^(?:GMFCS)?[\s:.-]*(?:LEVEL|УРОВЕНЬ|СТЕПЕНЬ|ДЕҢГЕЙ)?[\s:.-]*"
    r"|[\s.-]*(?:LEVEL|УР|УРОВЕНЬ|СТ|СТЕПЕНЬ|ДЕҢГЕЙ|ДЕҢГЕЙІ|ДӘРЕЖЕ)?(?: +(?:ПО +)?GMFCS)?[\s.]*$",
    re.IGNORECASE,
)
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d*)?E[+-]?\d+", re.IGNORECASE)
_EMPTY_FRACTION = re.compile(r"(?<=\d)[.,]0+$")
_NEIGHBORS = ("+7", "+992", "+993", "+996", "+998")
"""Their numbers are known without the plus."""
_OUR_PHONE = re.compile(r"\+7[67][0-9]{9}")
"""A number of Kazakhstan; the library does not know each range that is in use, or kept for tests."""
_PHONE = re.compile(r"\(?\+?[\d\s().-]+")
_MIDNIGHT = r"(?:[T ]+0?0:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?)?"
_LONGEST = 60
"""Characters of a date or a level with words around it."""
_YEAR_WORD = r"(?: ?(?:[гж]|года?|г\. ?р|г(?:\.|ода?) рождения|жылы)\.?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-./])(\d{{1,2}})\2(\d{{1,2}}){_MIDNIGHT}", re.IGNORECASE)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-./])(\d{{1,2}})\2(\d{{4}}|\d\d){_MIDNIGHT}{_YEAR_WORD}", re.IGNORECASE)
_SERIAL = re.compile(r"[2-6]\d{4}")
_SERIAL_ZERO = date(1899, 12, 30)
"""Day 0 of a spreadsheet's serial dates, as they count since March 1900; 20000 to 69999 are 1954 to 2091."""
_CODES = re.compile(r"(?<![^\W\d])[^\W\d][0-9OО]\d(?:[.,]\d+)?", re.IGNORECASE)
_NAMED_CODE = re.compile(rf"({_CODES.pattern})[.]?(?: *[:;,-] *| +)[^\W\d]{{3}}[^\d?]*", re.IGNORECASE)
"""A code of ICD-10 with its name after it."""
_MONTH_STEMS = (
    ("ЯНВ", "ҚАҢ", "JAN"), ("ФЕВ", "АҚП", "FEB"), ("МАР", "НАУ", "MAR"), ("АПР", "СӘУ", "APR"),
    ("МАЙ", "МАЯ", "МАМ", "MAY"), ("ИЮН", "МАУ", "JUN"), ("ИЮЛ", "ШІЛ", "JUL"), ("АВГ", "ТАМ", "AUG"),
    ("СЕН", "ҚЫР", "SEP"), ("ОКТ", "ҚАЗ", "OCT"), ("НОЯ", "ҚАР", "NOV"), ("ДЕК", "ЖЕЛ", "DEC"),
)  # fmt: skip
_MONTHS = {stem: str(number) for number, stems in enumerate(_MONTH_STEMS, 1) for stem in stems}
_DAY_IN_WORDS = re.compile(rf"(\d{{1,2}})[ .-]+([^\W\d]{{3,9}})[ .,-]+(\d{{4}}){_YEAR_WORD}", re.IGNORECASE)
_DISTANCE = re.compile(r"(\d{1,3}(?: \d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*)\s*(?:КМ|KM|ШАҚЫРЫМ)?\.?", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_HALF = re.compile("[\ud800-\udfff]")
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs that show nothing."""


_NO_NAMES = frozenset({"NULL", "NONE", "NAN", "N/A", "NA", "UNDEFINED", "НЕТ", "Н/Д", "ЖОҚ"})
_REST = bytes(range(0x80, 0xC0))
_GARBLED = re.compile(
    f"[РСТУ][{re.escape(_REST.decode('cp1251', 'ignore'))}]|[ÐÑÒÓ][{re.escape(_REST.decode('cp1252', 'ignore'))}]"
)
"""One Cyrillic letter of UTF-8 as Windows' Cyrillic and Latin code pages show its two bytes."""
_ALL_ACCENTS = re.compile(r"[À-ÿ]{2,}(?:[\s.-]+[À-ÿ]+)*\.?")
"""Words of Windows' Cyrillic code page as its Latin one shows them."""
_PLACEHOLDER = re.compile(r"000000[0-9]{6}|([0-9])\1{11}")
"""Digits that stand for an IIN that nobody knows; the check digit of some fits."""


class Refused(ValueError):
    """A value that cannot be read as one thing; `code` is that of its message."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def name(value: object) -> object:
    """A person's name as it was typed, without the space around it."""
    if not isinstance(value, str):
        return value
    text = value.strip().strip("\ufeff\u200b").strip()
    if _CONTROL.search(text):
        raise Refused("control_characters")
    if not any(unicodedata.category(one)[0] not in "CZM" and one not in _FILLERS for one in text):
        raise Refused("invisible_name")
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


def iin(value: object) -> object:
    """Twelve digits, without a look at what they say."""
    text = _digits(value)
    if not isinstance(text, str):
        return text
    if not re.fullmatch(r"[0-9]{12}", text):
        whole = text.zfill(12) if re.fullmatch(r"[1-9]\d{5,10}", text) else ""
        lost = bool(whole) and check_digit(whole[:11]) == int(whole[11])
        raise Refused("iin_zeros_lost" if lost else "iin_not_twelve_digits")
    if _PLACEHOLDER.fullmatch(text):
        raise Refused("no_iin")
    return text


def phone(value: object) -> object:
    """E.164. A number without a country is one of Kazakhstan, unless only a plus is missing."""
    text = _typed(value)
    if not isinstance(text, str) or _OUR_PHONE.fullmatch(text):
        return text
    _refuse_scientific(text)
    text = re.sub(r"(?<=\d{11})[.,]0$", "", text)
    if not _PHONE.fullmatch(text):
        raise Refused("phone_form")
    found = _e164(text)
    if not found and "+" not in text:
        found = _e164("+" + re.sub(r"\D", "", text).removeprefix("00"))
        found = found if found and found.startswith(_NEIGHBORS) else None
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
    return written if phonenumbers.is_valid_number(number) or _OUR_PHONE.fullmatch(written) else None


def day(value: object) -> object:
    """A date: day first with points, year first, or a spreadsheet's serial number."""
    text = _typed(value)
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise Refused("date_form")
    _refuse_scientific(text)
    if " " in text:
        text = re.sub(r" *([-./]) *", r"\1", text)
    if found := _YEAR_FIRST.fullmatch(text):
        return _date(found[1], found[3], found[4])
    if found := _YEAR_LAST.fullmatch(text):
        return _day_first(found[1], found[3], found[4], dotted=found[2] == ".")
    if (found := _DAY_IN_WORDS.fullmatch(text)) and (month := _MONTHS.get(found[2][:3].upper())):
        return _date(found[3], month, found[1])
    if _SERIAL.fullmatch(serial := _EMPTY_FRACTION.sub("", text)):
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


def sex(value: object) -> object:
    text = value if value in ("female", "male") else _typed(value)
    if not isinstance(text, str):
        return value
    capitals = " ".join(text.upper().split())
    return _SEX.get(capitals) or _SEX.get(capitals.translate(_ALIKE), text)


def word(value: object) -> object:
    """A code of small letters, as `day_stay`."""
    text = _typed(value)
    return re.sub(r"[\s_-]+", "_", _latin(text).lower()) if isinstance(text, str) else value


def words(value: object) -> object:
    """A list of such codes; text is one with signs between them."""
    if isinstance(value, list) and all(one in _MODALITIES for one in value if isinstance(one, str)):
        return value
    if isinstance(value, str):
        value = [part for part in re.split(r"[;,|/\n]", value) if part.strip()]
    return [_modality(one) for one in value] if isinstance(value, list) else value


def _modality(value: object) -> object:
    text = _typed(value)
    return _MODALITY.get(" ".join(text.lower().split()), word(text)) if isinstance(text, str) else value


def gmfcs(value: object) -> object:
    text = _typed(value)
    if not isinstance(text, str):
        return value
    if text.startswith("-"):
        return value
    level = _latin(_LEVEL_WORDS.sub("", _EMPTY_FRACTION.sub("", text[:_LONGEST])))
    return _LEVELS.get(level, level)


def icd10(value: object) -> object:
    """A code with its point; marks of ICD-10's dagger and asterisk are cut."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    if named := _NAMED_CODE.fullmatch(text):
        text = named[1]
    if len(_CODES.findall(text)) > 1:
        raise Refused("several_codes")
    code = _latin(re.sub(r"\s", "", text)).replace(",", ".").rstrip(".+*-\N{DAGGER}")
    code = re.sub(r"^(.\d\d)-(?=\d)", r"\1.", code[:1] + code[1:].replace("O", "0"))
    return re.sub(r"([A-Z]\d\d)(\d+)", r"\1.\2", code) if re.fullmatch(r"[A-Z]\d{3,}", code) else code


def settlement(value: object) -> object:
    text = _digits(value)
    return text.lower() if isinstance(text, str) else text


def kilometers(value: object) -> object:
    """A number, with a point or a comma before its fraction, and its unit or not."""
    if isinstance(value, bool):
        raise Refused("float_type")
    if not isinstance(value, str):
        return value
    text = plain(value)
    _refuse_scientific(text)
    if not (found := _DISTANCE.fullmatch(text)):
        return value
    if re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", found[1]):
        raise Refused("ambiguous_number")
    return found[1].replace(" ", "").replace(",", ".")


def _typed(value: object) -> object:
    """Plain text of text or of a whole number, without a sign after it and those by which a spreadsheet marks text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 and (abs(value) < 1e11 or value % 1000):
        return str(int(value))  # an IIN with zeros at its end may have been 2.0E+11
    return plain(value).removeprefix("=").strip("'\"").strip().rstrip(" .,;") if isinstance(value, str) else value


def _digits(value: object) -> object:
    """A number that names something: without spaces and hyphens between its digits, and without an empty fraction."""
    text = _typed(value)
    if not isinstance(text, str):
        return text
    _refuse_scientific(text)
    together = _EMPTY_FRACTION.sub("", re.sub(r"(?<=\d)[\s-]+(?=\d)", "", text))
    return together if together.isdecimal() else text


def _refuse_scientific(text: str) -> None:
    if _SCIENTIFIC.fullmatch(text.replace(" ", "")):
        raise Refused("scientific_notation")


def _latin(text: str) -> str:
    return unicodedata.normalize("NFKC", text.upper().translate(_ALIKE))


FIELDS: Mapping[str, Callable[[object], object]] = {
    "child.iin": iin,
    "child.full_name": name,
    "child.birth_date": day,
    "child.sex": sex,
    "guardian.full_name": name,
    "guardian.phone": phone,
    "diagnosis.icd10": icd10,
    "diagnosis.gmfcs": gmfcs,
    "settlement_id": settlement,
    "modalities": words,
    "max_distance_km": kilometers,
    "priority": word,
}
"""What normalizes each field, by its dotted path."""
OPTIONAL = frozenset({"child.iin", "diagnosis.gmfcs", "max_distance_km", "priority"})
_DASHES = "-\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}"
"""What people type for nothing where nothing is allowed."""
_NORMAL: Mapping[str, re.Pattern[str]] = {
    "child.iin": re.compile(f"(?!{_PLACEHOLDER.pattern})[0-9]{{12}}"),
    "child.sex": re.compile("female|male"),
    "guardian.phone": _OUR_PHONE,
    "diagnosis.icd10": re.compile(r"[A-Z][0-9]{2}(?:\.[0-9]+)?"),
    "diagnosis.gmfcs": re.compile("I{1,3}|IV|V"),
    "settlement_id": re.compile("[0-9]+|[a-z]+"),
    "priority": re.compile("[a-z]+"),
}
"""What is normal already, as programs send it; millions of rows are read faster for it."""
REFUSED = object()
"""Stands for a refused value: it fits no shape, so that no rule judges it."""


def normalize(body: Any) -> tuple[Any, list[FieldError]]:
    """A copy of `body`, all or a part of a submission, with each field's value as it was meant, and the refused fields.

    An empty text is left out, as an empty cell is; so is a dash for what is optional.
    `body` may be any JSON value, and is returned when it is no object.
    """
    if not isinstance(body, dict):
        return body, []
    meant = {key: dict(part) if isinstance(part, dict) else part for key, part in body.items()}
    errors = []
    for place, error in _broken(body) if _has_halves(body) else ():
        errors.append(error)
        part = meant if len(place) == 1 or not isinstance(meant[place[0]], dict) else meant[place[0]]
        part[place[0] if part is meant else place[1]] = REFUSED
    for path in FIELDS:
        group, _, key = path.rpartition(".")
        part = meant.get(group) if group else meant
        if isinstance(part, dict) and part.get(key) not in (None, REFUSED):
            try:
                _replace(part, key, path)
            except Refused as refused:
                part[key] = REFUSED
                errors.append(FieldError.of(path, refused.code))
    return meant, errors


def _replace(part: dict[str, Any], key: str, path: str) -> None:
    value = part[key]
    if isinstance(value, str) and path in _NORMAL and _NORMAL[path].fullmatch(value):
        return
    empty = isinstance(value, str) and not value.strip(" \t\r\n\xa0\ufeff" + (_DASHES if path in OPTIONAL else ""))
    part[key] = "" if empty else FIELDS[path](value)
    if part[key] == "":
        del part[key]


def _has_halves(body: object) -> bool:
    """Whether some text in `body` may be none; the encoder is the fastest to see it."""
    try:
        orjson.dumps(body)
    except orjson.JSONEncodeError:
        return True
    return False


def _broken(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], FieldError]]:
    """Text that is none, by its path: bytes that are not UTF-8, kept as half characters when they were decoded."""
    if isinstance(value, str) and (half := _HALF.search(value)):
        byte = ord(half[0]) - 0xDC00
        code, given = ("invalid_utf8", {"byte": f"0x{byte:02X}"}) if 0x80 <= byte <= 0xFF else ("broken_text", {})
        yield path, FieldError.of(field_path(path), code, **given)
    elif isinstance(value, dict | list) and len(path) < 3:  # what lies deeper is no field
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _broken(one, (*path, key))
