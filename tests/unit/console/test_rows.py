"""What a row says of a child, and how templates look into an API's object."""

from datetime import UTC, datetime, timedelta

import pytest

from services.console.rendering import make_environment
from services.console.rows import facts, years
from services.console.words.i18n import read_words
from services.console.words.labels import Labels, read_labels
from services.contracts.vocabulary import Language
from services.kit.settings import CHECKOUT

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
WORDS = read_words()


@pytest.fixture(scope="module")
def labels() -> Labels:
    return read_labels(CHECKOUT / "data")


def test_a_row_says_what_is_known_of_a_child(labels: Labels) -> None:
    town = next(iter(labels.names["settlement"]))
    child = {"age_months": 30, "diagnosis": "Q99.9", "settlement": town}
    name = labels.names["settlement"][town]["en"]
    assert facts(WORDS[Language.ENGLISH], labels, child) == f"2 years · Q99.9 · {name}", (
        "a code without a name is itself"
    )
    assert facts(WORDS[Language.ENGLISH], labels, {"age_months": 0}) == "0 months"
    assert facts(WORDS[Language.ENGLISH], labels, {}) == "", "nothing, where a center's part has ended"


@pytest.mark.parametrize(("months", "age"), [(1, "1 месяц"), (23, "23 месяца"), (24, "2 года"), (71, "5 лет")])
def test_an_age_is_in_months_for_two_years(months: int, age: str) -> None:
    assert years(WORDS[Language.RUSSIAN], months) == age


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-20, "now"),
        (0, "now"),
        (40, "now"),
        (60, "in 60 seconds"),
        (-3_700, "62 minutes ago"),
        (7_190, "in 2 hours"),
        (259_000, "in 3 days"),
    ],
)
def test_how_far_a_deadline_is_is_written_for_its_moment(seconds: int, text: str) -> None:
    for _ in range(2):
        assert WORDS[Language.ENGLISH].due(NOW + timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(("language", "text"), [("kk", "жаңа ғана"), ("ru", "только что"), ("en", "just now")])
def test_what_happened_within_a_minute_was_just_now_whatever_the_clocks_say(language: Language, text: str) -> None:
    words = WORDS[Language(language)]
    assert {words.ago(NOW + timedelta(seconds=one), NOW) for one in (-59, -1, 0, 1, 300)} == {text}
    assert words.ago(NOW - timedelta(minutes=5), NOW) == words.due(NOW - timedelta(minutes=5), NOW) != text
    assert words.ago(None, NOW) == words.due(None, NOW) == "", "nothing for nothing"


def test_a_template_finds_an_object_s_own_member_before_a_method_of_its_type(labels: Labels) -> None:
    environment = make_environment(WORDS[Language.ENGLISH], labels)
    template = environment.from_string("{{ page.items }} {{ other.get('x') }} {{ other.missing }}")
    assert template.render(page={"items": "two"}, other={"x": "one"}) == "two one "
