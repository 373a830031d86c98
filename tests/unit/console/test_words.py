"""The catalogs and the ways of writing of three languages."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from babel.messages.catalog import Message

from services.console.words.i18n import choose, read_catalog, read_words
from services.console.words.update import known_texts, main
from services.contracts.vocabulary import Language

WORDS = read_words()
TRANSLATED = (Language.KAZAKH, Language.RUSSIAN)


def test_the_catalogs_have_the_texts_of_code_and_templates_and_no_others() -> None:
    assert main(check=True) == 0, "a catalog is behind: python -m services.console.words.update"


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_untranslated_or_fuzzy(language: Language) -> None:
    texts = [one for one in read_catalog(language) if one.id]
    left = [one.id for one in texts if one.fuzzy or not all(strings(one))]
    assert left == [], f"texts that {language} readers would see in English"


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_fills_in_what_its_text_does(language: Language) -> None:
    wrong = [str(error) for one in read_catalog(language) for error in one.check()]
    assert wrong == [], "a placeholder is missing or unknown"


@pytest.mark.parametrize(
    ("language", "number", "text"),
    [
        ("ru", 1, "1 месяц"), ("ru", 3, "3 месяца"), ("ru", 11, "11 месяцев"), ("ru", 21, "21 месяц"),
        ("kk", 1, "1 ай"), ("kk", 5, "5 ай"), ("en", 1, "1 month"), ("en", 2, "2 months"),
    ],
)  # fmt: skip
def test_a_number_has_its_plural_form(language: str, number: int, text: str) -> None:
    found = WORDS[Language(language)].ngettext("%(num)s month", "%(num)s months", number) % {"num": number}
    assert found == text, "the plural form of this number"


@pytest.mark.parametrize(("number", "text"), [(21, "21 день"), (3, "3 дня"), (30, "30 дней")])
def test_how_long_a_course_lasts_is_said_in_whole_words(number: int, text: str) -> None:
    found = WORDS[Language.RUSSIAN].ngettext("A course lasts %(num)s day.", "A course lasts %(num)s days.", number)
    assert found % {"num": number} == f"Курс длится {text}."


@pytest.mark.parametrize(
    ("language", "day", "number", "share"),
    [
        ("kk", "2026 ж. 28 қараша", "4 130,5", "12%"),
        ("ru", "28 ноября 2026", "4 130,5", "12 %"),
        ("en", "November 28, 2026", "4,130.5", "12%"),
    ],
)
def test_dates_and_numbers_are_written_as_the_language_does(language: str, day: str, number: str, share: str) -> None:
    words = WORDS[Language(language)]
    found = (words.day(date(2026, 11, 28)), words.number(4130.5, 1), words.percent(0.12))
    assert tuple(plain(one) for one in found) == (day, number, share)


def test_a_moment_is_told_in_kazakhstan() -> None:
    late = datetime(2026, 11, 28, 20, 30, tzinfo=UTC)
    words = WORDS[Language.ENGLISH]
    assert words.day(late.isoformat()) == "November 29, 2026", "UTC+5 is a day ahead"
    assert words.clock(late) == "01:30"


@pytest.mark.parametrize(
    ("language", "text"),
    [("kk", "30 қараша күнінің соңы"), ("ru", "конца дня 30 ноября"), ("en", "the end of 30 November")],
)
def test_a_deadline_at_midnight_is_the_end_of_the_day_before(language: str, text: str) -> None:
    words, midnight = WORDS[Language(language)], datetime(2026, 11, 30, 19, tzinfo=UTC)
    assert plain(words.deadline(midnight.isoformat())) == text, "nobody reads it a day late"
    assert plain(words.deadline(midnight, clock=False)) == text, "without the clock too"


def test_any_other_deadline_is_told_as_a_moment_or_its_day() -> None:
    words, at = WORDS[Language.ENGLISH], "2026-11-30T19:01:00Z"
    assert words.deadline(at) == words.moment(at) == "December 1, 2026, 00:01"
    assert words.deadline(at, clock=False) == "December 1, 2026"
    assert words.deadline(None) == "", "nothing for nothing"


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "ru"), (None, "kk-KZ,kk;q=0.9,ru;q=0.8", "kk"), (None, "de,en;q=0.5,ru;q=0.4", "en"),
        ("en", "kk", "en"), ("xx", "kk", "kk"), (None, "kk;q=0,ru;q=no", "ru"), (None, "*", "ru"),
    ],
)  # fmt: skip
def test_the_reader_chooses_else_the_browser_else_russian(cookie: str | None, accepted: str, language: str) -> None:
    assert choose(cookie, accepted) == language


CONFLICT = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8"

msgid "A"
<<<<<<< HEAD
msgstr ""

msgid "B"
=======
msgstr "а"

msgid "C"
>>>>>>> main
msgstr "б"
"""


def test_a_merge_of_catalogs_keeps_what_both_sides_have_translated() -> None:
    found = known_texts(CONFLICT.lstrip().encode(), Language.RUSSIAN)
    assert {name: found[name] for name in "ABC"} == {"A": "а", "B": "б", "C": "б"}


def plain(text: str) -> str:
    """With ordinary spaces."""
    return " ".join(text.split())


def strings(message: Message) -> list[str]:
    """Each of its plural forms, or its only one."""
    found: Any = message.string if message.pluralizable else [message.string]
    return list(found)
