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
        (-20, "20 seconds ago"),
        (40, "in 40 seconds"),
        (-3_700, "62 minutes ago"),
        (7_190, "in 2 hours"),
        (259_000, "in 3 days"),
    ],
)
def test_a_distance_in_time_is_written_for_its_moment(seconds: int, text: str) -> None:
    for _ in range(2):
        assert WORDS[Language.ENGLISH].ago(NOW + timedelta(seconds=seconds), NOW) == text


def test_a_template_finds_an_object_s_own_member_before_a_method_of_its_type(labels: Labels) -> None:
    environment = make_environment(WORDS[Language.ENGLISH], labels)
    template = environment.from_string("{{ page.items }} {{ other.get('x') }} {{ other.missing }}")
    assert template.render(page={"items": "two"}, other={"x": "one"}) == "two one "
