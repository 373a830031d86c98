"""Codes and amounts of care: sex, modalities, GMFCS, ICD-10, settlement, priority and distance."""

import re

from services.contracts.vocabulary import Modality
from services.intake.domain.values.typed import (
    EMPTY_FRACTION,
    LONGEST,
    Refused,
    digits,
    latin,
    refuse_scientific,
    typed,
)
from services.kit.plain_text import plain

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
MOST_WORDS = 50
"""Into so many a text is split; the rest stays one."""
_LANGUAGES = {
    "kk": ("kz", "қаз", "каз", "қазақ", "қазақша", "қазақ тілі", "казахский", "kazakh"),
    "ru": ("рус", "орыс", "орысша", "орыс тілі", "русский", "russian"),
    "en": ("англ", "ағылшын", "ағылшынша", "английский", "english"),
}
_LANGUAGE = {name: code for code, names in _LANGUAGES.items() for name in names}
_LEVELS = {one: level for number, level in enumerate(("I", "II", "III", "IV", "V"), 1) for one in (str(number), level)}
_LEVEL_WORDS = re.compile(
    r"^(?:GMFCS)?[\s:.-]*(?:LEVEL|УРОВЕНЬ|СТЕПЕНЬ|ДЕҢГЕЙ)?[\s:.-]*"
    r"|[\s.-]*(?:LEVEL|УР|УРОВЕНЬ|СТ|СТЕПЕНЬ|ДЕҢГЕЙ|ДЕҢГЕЙІ|ДӘРЕЖЕ)?(?: +(?:ПО +)?GMFCS)?[\s.]*$",
    re.IGNORECASE,
)
_CODES = re.compile(r"(?<![^\W\d])[^\W\d][0-9OО]\d(?:[.,]\d+)?", re.IGNORECASE)
_NAMED_CODE = re.compile(rf"({_CODES.pattern})[.]?(?: *[:;,-] *| +)[^\W\d]{{3}}[^\d?]*", re.IGNORECASE)
"""A code of ICD-10 with its name after it."""
_DISTANCE = re.compile(r"(\d{1,3}(?: \d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*)\s*(?:КМ|KM|ШАҚЫРЫМ)?\.?", re.IGNORECASE)


def sex(value: object) -> object:
    text = typed(value)
    if not isinstance(text, str):
        return value
    capitals = " ".join(text.upper().split())
    return _SEX.get(capitals) or _SEX.get(latin(capitals), text)


def word(value: object) -> object:
    """A code of small letters, as `day_stay`."""
    text = typed(value)
    return re.sub(r"[\s_-]+", "_", latin(text).lower()) if isinstance(text, str) else value


def words(value: object) -> object:
    """A list of such codes; text is one with signs between them."""
    if isinstance(value, list) and all(one in _MODALITIES for one in value if isinstance(one, str)):
        return value
    if isinstance(value, str):
        value = [part for part in re.split(r"[;,|/\n]", value, maxsplit=MOST_WORDS) if part.strip()]
    return [_modality(one) for one in value] if isinstance(value, list) else value


def _modality(value: object) -> object:
    if isinstance(value, str) and len(value) > LONGEST:
        return value
    text = typed(value)
    return _MODALITY.get(" ".join(text.lower().split()), word(text)) if isinstance(text, str) else value


def language(value: object) -> object:
    """A language's code, or its name in one of the three."""
    text = typed(value)
    return _LANGUAGE.get(text.lower(), text.lower()) if isinstance(text, str) else value


def gmfcs(value: object) -> object:
    text = typed(value)
    if not isinstance(text, str):
        return value
    if text.startswith("-"):
        return value
    level = latin(_LEVEL_WORDS.sub("", EMPTY_FRACTION.sub("", text[:LONGEST])))
    return _LEVELS.get(level, text) if level else ""  # the word alone: no level is given


def icd10(value: object) -> object:
    """A code with its point; marks of ICD-10's dagger and asterisk are cut."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    if named := _NAMED_CODE.fullmatch(text):
        text = named[1]
    if len(_CODES.findall(text)) > 1:
        raise Refused("several_codes")
    code = latin(re.sub(r"\s", "", text)).replace(",", ".").rstrip(".+*-\N{DAGGER}")
    code = re.sub(r"^(.\d\d)-(?=\d)", r"\1.", code[:1] + code[1:].replace("O", "0"))
    return re.sub(r"([A-Z]\d\d)(\d+)", r"\1.\2", code) if re.fullmatch(r"[A-Z]\d{3,}", code) else code


def settlement(value: object) -> object:
    text = digits(value)
    return text.lower() if isinstance(text, str) else text


def kilometers(value: object) -> object:
    """A number, with a point or a comma before its fraction, and its unit or not."""
    if isinstance(value, bool):
        raise Refused("float_type")
    if not isinstance(value, str):
        return value
    text = plain(value)
    refuse_scientific(text)
    if not (found := _DISTANCE.fullmatch(text)):
        return value
    if re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", found[1]):
        raise Refused("ambiguous_number")
    return found[1].replace(" ", "").replace(",", ".")
