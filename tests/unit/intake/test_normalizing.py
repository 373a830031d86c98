"""What people and spreadsheets type is read as it was meant, or refused with what would be right."""

import unicodedata
from datetime import date
from typing import Any

import orjson
import pytest

from services.contracts.submissions import SubmissionRequest
from services.intake.domain.normalizing import normalize
from services.intake.handlers.drafts import Drafting
from services.intake.handlers.parsing import Unparsed, parse
from tests.unit.intake.samples import child_body, iin_of, meant, submission

NBSP, ZERO_WIDTH = "\u00a0", "\u200b"
IIN = iin_of(date(2000, 3, 15), "female", 7)
"""It begins with two zeros, which a spreadsheet drops."""


@pytest.mark.parametrize(
    ("path", "typed", "found"),
    [
        ("diagnosis.gmfcs", "ІІІ", "III"),
        ("diagnosis.gmfcs", " іv ", "IV"),
        ("diagnosis.gmfcs", "Ⅲ", "III"),
        ("diagnosis.gmfcs", "III.", "III"),
        ("diagnosis.gmfcs", "3", "III"),
        ("diagnosis.gmfcs", 3, "III"),
        *(
            ("diagnosis.gmfcs", text, "III")
            for text in [
                "III ст",
                "ІІІ ст.",
                "III степень",
                "gmfcs: III",
                "GMFCS-3",
                "3 уровень",
                "уровень III",
                "GMFCS level III",
                "III деңгей",
                "III по GMFCS",
            ]
        ),
        *[("diagnosis.gmfcs", text, "") for text in ("GMFCS", "уровень", "GMFCS: –", "GMFCS уровень")],
        ("diagnosis.gmfcs", "I-II", "I-II"),
        ("diagnosis.gmfcs", "I II", "I II"),
        ("diagnosis.gmfcs", "-1", "-1"),
        ("diagnosis.gmfcs", "GMFCS II", "II"),
        ("diagnosis.icd10", "G80-1", "G80.1"),
        ("diagnosis.icd10", "G80.1 Спастическая диплегия", "G80.1"),
        ("diagnosis.icd10", "G80.1 - спастическая диплегия (ДЦП)", "G80.1"),
        ("diagnosis.icd10", "G80 ДЦП", "G80"),
        ("diagnosis.icd10", "G80.1, G40", "refused: several_codes"),
        ("diagnosis.icd10", "G80.1/G40.2", "refused: several_codes"),
        ("diagnosis.icd10", "G80.1 (ДЦП?)", "G80.1(ДЦП?)"),
        ("diagnosis.icd10", "Н90.3", "H90.3"),
        ("diagnosis.icd10", "g80,1", "G80.1"),
        ("diagnosis.icd10", f"G{NBSP}80.1", "G80.1"),
        ("diagnosis.icd10", "G801", "G80.1"),
        ("diagnosis.icd10", "G8О.1*", "G80.1"),
        ("diagnosis.icd10", "G80.-", "G80"),
        ("child.sex", "Female", "female"),
        ("child.sex", "МАLЕ", "male"),
        *(("child.sex", text, "female") for text in ["ж", "девочка", "Қыз бала", "қыз", "жен."]),
        *(("child.sex", text, "male") for text in ["мальчик", "ұл  бала", "ЕР"]),
        ("child.sex", "муж.", "male"),
        ("child.sex", "м", "male"),
        ("child.sex", "f", "female"),
        ("priority", " URGENT", "urgent"),
        ("priority", "нigh", "high"),
        ("modalities", ["Day Stay", "іnpatient"], ["day_stay", "inpatient"]),
        ("modalities", "inpatient; day-stay;", ["inpatient", "day_stay"]),
        ("modalities", "стационар; Дневной  стационар", ["inpatient", "day_stay"]),
        ("modalities", ["амбулаторно", "на дому"], ["outpatient", "home_care"]),
        ("modalities", "күндізгі стационар/амбулаториялық", ["day_stay", "outpatient"]),
        ("modalities", "care", ["care"]),
        ("modalities", "INPATIENT, home_care", ["inpatient", "home_care"]),
        ("settlement_id", f"1{NBSP}526{NBSP}384", "1526384"),
        ("settlement_id", 1526384, "1526384"),
        ("settlement_id", "1526384.0", "1526384"),
        ("settlement_id", "1,53E+06", "refused: scientific_notation"),
        ("max_distance_km", "600,5 км", "600.5"),
        ("max_distance_km", "1 000", "1000"),
        ("max_distance_km", "12 500,5 km", "12500.5"),
        ("max_distance_km", "10 20", "10 20"),
        ("max_distance_km", "60 5", "60 5"),
        ("settlement_id", 1526000.0, "1526000"),
        ("max_distance_km", "1,000", "refused: ambiguous_number"),
        ("max_distance_km", True, "refused: float_type"),
        ("max_distance_km", 12.5, 12.5),
    ],
)
def test_a_code_or_a_number(path: str, typed: object, found: object) -> None:
    assert meant(path, typed) == found


@pytest.mark.parametrize(
    "name",
    [
        "Әйгерім",
        "O'Neil-Ұлы",
        "عائشة",
        "ש",
        "а" * 200,
        "Ли",
        "Jo\u0301zef",
        "Айша Бекқызы",
        "محمد\u200cرضا",
        "李小龙",
        "Аружан 2",
        "СЕРЁЖА РЁВА",
        "СІРІК",
        "БЕРІК СЕРІК",
        "Ўринов Ёқуб",
        "José Ñañez",
        "Ólafía",
        "Ñ Ó",
        "Нуль",
        "Noah",
        "Нанов",
        "Анна (Ли)",
        "С. Р. Ў.",
    ],
)
def test_a_name_stays_as_it_is(name: str) -> None:
    assert meant("child.full_name", f" {name}{NBSP}") == name


@pytest.mark.parametrize("name", ["\u200b\u200b", "\u200d", "\u2060\u200e", "\u3164", "\u2800", "\u0301"])
def test_a_name_that_nobody_can_see_is_refused(name: str) -> None:
    assert meant("guardian.full_name", name) == "refused: invisible_name"


def garbled(name: str, encoding: str) -> str:
    """UTF-8 as a program shows it that takes it for that encoding."""
    return "".join(
        chr(one) if one in (0x98, 0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([one]).decode(encoding)
        for one in name.encode()
    )


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("????", "letter_lost"),
        ("Ахметова Айг?л ?анат?ызы", "letter_lost"),
        ("Ж\ufffdния", "letter_lost"),
        *(
            (name, "no_name")
            for name in ["-", "...", "12345", "#Н/Д", "#REF!", "#N/A", "#ЗНАЧ!", "null", "None", "nan", "нет", '"']
        ),
        *(
            (garbled(name, page), "garbled_name")
            for name in ["Петрова Белла", "Петрова", "Ахметова М.", "ӘЛЕМ ҚҰЛАН", "Әлия"]
            for page in ("cp1251", "cp1252")
            if garbled(name, page).isprintable() or "\xa0" in garbled(name, page)
        ),
        ("Петрова Белла".encode("cp1251").decode("cp1252"), "garbled_name"),
    ],
)
def test_a_destroyed_name_is_refused(name: str, code: str) -> None:
    for path in ("child.full_name", "guardian.full_name"):
        assert meant(path, name) in [f"refused: {code}", "refused: control_characters"]
        if not any(unicodedata.category(one) == "Cc" for one in name):
            assert meant(path, name) == f"refused: {code}"


def test_a_placeholder_for_an_iin_is_refused_from_programs_too() -> None:
    _, errors = normalize(child_body(child__iin="000000000000"))
    assert [(one.field, one.code) for one in errors] == [("child.iin", "no_iin")]


@pytest.mark.parametrize("sign", ["\x00", "\x1b[31m", "\n", "\t", "\x7f", "\x9b"])
def test_a_name_with_a_control_character_is_refused(sign: str) -> None:
    assert meant("child.full_name", f"Ай{sign}ша") == "refused: control_characters"


def test_names_are_compared_under_nfc_and_kept_as_they_are() -> None:
    class Vault:
        def digests(self, *parts: bytes) -> dict[int, bytes]:
            return {1: b"".join(parts)}

    vault: Any = Vault()
    keys = [
        Drafting(vault, None).key("p1", "k", submission(child__full_name=unicodedata.normalize(form, "Йоаким Ё")))  # type: ignore[arg-type]
        for form in ("NFC", "NFD")
    ]
    assert keys[0] == keys[1]


def test_empty_text_is_left_out() -> None:
    body, errors = normalize(child_body(child__iin=" ", diagnosis__gmfcs="", guardian__phone=NBSP))
    assert errors == []
    assert [*body["child"], *body["guardian"], *body["diagnosis"]] == [
        "full_name", "birth_date", "sex", "full_name", "icd10",
    ]  # fmt: skip


def test_a_byte_that_is_not_utf8_is_named_with_its_field() -> None:
    body = orjson.dumps(child_body(child__full_name="QQ")).replace(b"QQ", b"Q\xcd")
    with pytest.raises(Unparsed) as caught:
        parse(SubmissionRequest, body)
    (error,) = caught.value.errors
    assert (error.field, error.code) == ("child.full_name", "invalid_utf8")
    assert "0xCD" in error.message
