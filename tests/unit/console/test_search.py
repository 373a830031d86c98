"""What a typed settlement, diagnosis or error of a field means to a person."""

import re
from pathlib import Path

import pytest

from services.console.rendering import named_error
from services.console.upstream.client import FieldError
from services.console.words.i18n import read_words
from services.console.words.problems import SENTENCES, by_field
from services.console.words.search import code_in, read_diagnosis_search, read_settlement_search
from services.contracts.vocabulary import Language
from services.kit.messages import ENGLISH

DATA = Path("data")
SETTLEMENTS, DIAGNOSES = read_settlement_search(DATA), read_diagnosis_search(DATA)
ALMATY, KARAGANDY = "1526384", "609655"


@pytest.mark.parametrize("typed", ["Алматы", " алматы ", "ALMATY", "1526384", "Алматы, Алматы қаласы"])
def test_a_settlement_is_known_by_its_name_in_any_language_and_by_its_code(typed: str) -> None:
    assert SETTLEMENTS.code(typed) == ALMATY, "the only settlement of this name"


def test_of_settlements_with_one_name_none_is_taken_and_each_is_suggested() -> None:
    assert SETTLEMENTS.code("Актау") is None, "there are three"
    texts = [one.text for one in SETTLEMENTS.suggest(Language.RUSSIAN, "Актау")]
    assert len(set(texts)) == len(texts) >= 3, "each has a text of its own"
    assert all(SETTLEMENTS.code(one) for one in texts), "each text is understood"


@pytest.mark.parametrize("language", list(Language))
def test_every_text_that_a_field_may_hold_is_understood(language: Language) -> None:
    for search in (SETTLEMENTS, DIAGNOSES):
        wrong = [code for code in search.codes() if search.code(search.text(language, code)) != code]
        assert wrong == [], "texts that mean another thing, or nothing"


def test_what_resembles_nothing_else_is_suggested_after_a_slip() -> None:
    assert SETTLEMENTS.suggest(Language.RUSSIAN, "Карганда")[0].code == KARAGANDY


def test_a_code_without_a_name_is_suggested_too() -> None:
    assert "H90.3" in [one.code for one in DIAGNOSES.suggest(Language.KAZAKH, "h90.3")], "all of ICD-10 is there"


def test_each_error_stands_at_its_field_in_the_forms_order() -> None:
    words = read_words()[Language.ENGLISH]
    faults = [FieldError("modalities.0", "enum", ""), FieldError("child.iin", "invalid_iin", "")]
    found = by_field(words, [*faults, FieldError("line", "no_such_code", "")], ("child.iin", "modalities"))
    assert list(found) == ["child.iin", "modalities", ""], "what has no field stands by itself"
    assert found["modalities"] == "Choose one of the answers"


def test_dates_are_asked_for_in_one_way() -> None:
    asked = {re.search(r"\d{4}-\d\d-\d\d", one) for one in SENTENCES.values()}
    assert asked == {None}, "all ask for 31.12.2019"


def test_an_unknown_place_says_what_to_do_when_the_list_has_it_not() -> None:
    assert "choose the nearest one that is" in SENTENCES["unknown_settlement"]


@pytest.mark.parametrize(
    ("label", "told", "line"),
    [
        ("Full name", "Fill this in", "Full name: fill this in"),
        ("ИИН", "ИИН состоит из двенадцати цифр", "ИИН: ИИН состоит из двенадцати цифр"),
        ("", "Fill this in", "Fill this in"),
    ],
)
def test_a_line_of_the_summary_names_its_field(label: str, told: str, line: str) -> None:
    assert named_error(label, told) == line


def test_every_refusal_of_what_a_nurse_types_has_a_sentence() -> None:
    technical = ("json", "uuid", "bool", "int_", "list", "tuple", "dict", "model", "datetime", "moment", "body", "many",
                 "much", "string_type", "extra", "timezone", "note_elsewhere", "ages_not", "string_unicode", "finite",
                 "date_from_datetime_inexact", "too_long")  # fmt: skip
    typed = [code for code in ENGLISH if not any(part in code for part in technical)]
    assert [code for code in typed if code not in SENTENCES] == [], "codes that would be told as 'check this'"


def diagnoses(typed: str, language: Language = Language.RUSSIAN) -> list[str]:
    return [one.code for one in DIAGNOSES.suggest(language, typed)]


@pytest.mark.parametrize(
    ("typed", "group"),
    [
        ("ДЦП", "G80"), ("дцп", "G80"), ("БЦП", "G80"), ("детский паралич", "G80"), ("паралич детский", "G80"),
        ("церебралды сал", "G80"), ("диплигия", "G80"), ("80", "G80"), ("80.1", "G80"), ("аутизм", "F84"),
        ("РАС", "F84"), ("ЗПР", "F83"), ("ЗРР", "F80"),
    ],
)  # fmt: skip
def test_a_diagnosis_is_found_by_what_nurses_type(typed: str, group: str) -> None:
    found = diagnoses(typed)
    assert found, "something is suggested"
    assert found[0].startswith(group), found


def test_every_cerebral_palsy_is_suggested_for_its_abbreviation_and_none_is_taken_for_it() -> None:
    assert {one for one in diagnoses("ДЦП") if one.startswith("G80.")} == {f"G80.{one}" for one in "0123489"}
    assert DIAGNOSES.code("ДЦП") is None, "the nurse chooses"
    assert DIAGNOSES.code("ЗПР") is None, "an abbreviation is no diagnosis even where one code fits"


def test_digits_alone_offer_cerebral_palsy_before_others() -> None:
    assert diagnoses("80.1")[:2] == ["G80.1", "F80.1"]
    assert diagnoses("80")[:7] == [f"G80.{one}" for one in "0123489"]


def test_no_other_disease_is_suggested_for_words_that_only_look_alike() -> None:
    assert not [one for one in diagnoses("детский паралич") if not one.startswith("G80")], "F84.0 is another disease"
    assert diagnoses("перелом бедра") == [], "nothing is better than another disease"


@pytest.mark.parametrize(
    "typed", ["макроцефалия", "macrocephaly", "дистония", "мышечная дистония", "триплегия", "G80.5"]
)
def test_a_disease_that_is_not_in_the_list_is_not_replaced_by_one_that_sounds_alike(typed: str) -> None:
    assert diagnoses(typed) == []


@pytest.mark.parametrize("typed", ["диплигия", "дипплегия", "диплгия"])
def test_a_slip_in_a_word_is_forgiven(typed: str) -> None:
    assert "G80.1" in diagnoses(typed)


@pytest.mark.parametrize(
    ("typed", "first"), [("г80.1", "G80.1"), ("п80.1", "G80.1"), ("П80.0", "G80.0"), ("ф84.0", "F84.0"), ("й02", "Q02")]
)
def test_a_code_whose_letter_is_cyrillic_is_meant_by_its_sound_or_its_key(typed: str, first: str) -> None:
    assert diagnoses(typed)[:1] == [first]


@pytest.mark.parametrize("typed", ["ДЦП спастическая диплегия", "дцп диплегия", "G80 диплегия"])
def test_an_abbreviation_with_more_words_finds_what_has_them_all(typed: str) -> None:
    assert diagnoses(typed)[:1] == ["G80.1"]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("G80.1 Спастическая", "G80.1"),
        ("G80", "G80"),
        ("G80,1", None),
        ("G801", None),
        ("G80-1", None),
        ("G80. 1", None),
    ],
)
def test_half_of_what_was_typed_is_no_code(typed: str, code: str | None) -> None:
    assert code_in(typed) == code, "the rest reaches intake as it was typed, which reads it or says what is wrong"
