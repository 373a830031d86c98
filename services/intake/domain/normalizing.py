"""What was meant by what was typed: the one place that turns what people and spreadsheets write into a submission.

Pure. `values` has the reader of each field.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from services.intake.domain.field_errors import FieldError
from services.intake.domain.values.codes import gmfcs, icd10, kilometers, language, settlement, sex, word, words
from services.intake.domain.values.dates import day
from services.intake.domain.values.iins import PLACEHOLDER, iin
from services.intake.domain.values.names import name
from services.intake.domain.values.phones import OUR_PHONE, phone
from services.intake.domain.values.typed import Refused, typed
from services.kit.budget import check
from services.kit.messages import field_path

_HALF = re.compile("[\ud800-\udfff]")
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
    "consent.text_version": typed,
    "consent.language": language,
    "consent.given_on": day,
}
"""What normalizes each field, by its dotted path."""
OPTIONAL = frozenset({"child.iin", "diagnosis.gmfcs", "max_distance_km", "priority"})
_DASHES = "-\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}"
"""What people type for nothing where nothing is allowed."""
_NORMAL: Mapping[str, re.Pattern[str]] = {
    "child.iin": re.compile(f"(?!{PLACEHOLDER.pattern})[0-9]{{12}}"),
    "child.sex": re.compile("female|male"),
    "guardian.phone": OUR_PHONE,
    "diagnosis.icd10": re.compile(r"[A-Z][0-9]{2}(?:\.[0-9]+)?"),
    "diagnosis.gmfcs": re.compile("I{1,3}|IV|V"),
    "settlement_id": re.compile("[0-9]+|[a-z]+"),
    "priority": re.compile("[a-z]+"),
}
"""What is normal already, as programs send it; millions of rows are read faster for it."""
_PLACES = [
    (path, *path.rpartition(".")[::2], _NORMAL.get(path), " \t\r\n\xa0\ufeff" + (_DASHES if path in OPTIONAL else ""))
    for path in FIELDS
]
"""Each field's path, group and key, what is normal already, and the characters of nothing."""
REFUSED = object()
"""Stands for a refused value: it fits no shape, so that no rule judges it."""


def normalize(body: Any) -> tuple[Any, list[FieldError]]:
    """A copy of `body`, all or a part of a submission, with each field's value as it was meant, and the refused fields.

    An empty text is left out, as an empty cell is; so is a dash for what is optional.
    `body` may be any JSON value, and is returned when it is no object.
    """
    if not isinstance(body, dict):
        return body, []
    meant: Any = {key: dict(part) if isinstance(part, dict) else part for key, part in body.items()}
    errors = []
    for place, error in _broken(body) if _has_halves(body) else ():
        errors.append(error)
        part = meant if len(place) == 1 or not isinstance(meant[place[0]], dict) else meant[place[0]]
        part[place[0] if part is meant else place[1]] = REFUSED
    for path, group, key, normal, nothing in _PLACES:
        part = meant.get(group) if group else meant
        value = part.get(key) if isinstance(part, dict) else None
        if value is None or value is REFUSED or (normal and isinstance(value, str) and normal.fullmatch(value)):
            continue
        try:
            _replace(part, key, path, nothing)
        except Refused as refused:
            part[key] = REFUSED
            errors.append(FieldError.of(path, refused.code))
    return meant, errors


def _replace(part: dict[str, Any], key: str, path: str, nothing: str) -> None:
    value = part[key]
    check(value)
    empty = isinstance(value, str) and not value.strip(nothing)
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
