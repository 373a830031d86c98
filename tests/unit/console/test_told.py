"""What families and centers are told, where something is not as usual."""

import pytest
from jinja2 import Environment

from services.console.pages.center_places import use_of
from services.console.rendering import make_environment
from services.console.sign_in.user import User
from services.console.upstream.client import Json
from services.console.words.i18n import read_words
from services.console.words.labels import read_labels
from services.contracts.vocabulary import Language, Role
from services.kit.settings import CHECKOUT

CENTER: Json = {
    "name_kk": "Орталық", "name_ru": "Центр", "name_en": "Center", "settlement_id": "1526273", "region_id": "KZ-71",
    "phone": None, "address": None,
}  # fmt: skip
QUEUE: Json = {"name": "Center", "position": 2, "length": 3, "places": 4, "course_days": 21, "estimated_on": None}


@pytest.fixture(scope="module")
def english() -> Environment:
    return make_environment(read_words()[Language.ENGLISH], read_labels(CHECKOUT / "data"))


def paper(english: Environment, **story: object) -> str:
    given = {"state": "accepted", "admit_on": "2026-12-01", "admitted_at": None, "deadline_at": None} | story
    return english.get_template("family/sheet.html").render(story=given, center=CENTER, queues=[])


def test_the_paper_of_a_child_in_care_says_when_the_course_began(english: Environment) -> None:
    assert "Agreed day" in paper(english)
    admitted = paper(english, state="admitted", admitted_at="2026-12-02T05:00:00Z")
    assert "Agreed day" not in admitted
    assert "<dt>The course began</dt><dd>December 2, 2026</dd>" in admitted


def test_how_a_day_was_found_is_told_where_there_is_one(english: Environment) -> None:
    queues = english.get_template("parts/queues.html").module
    told = queues.computed(QUEUE | {"estimated_on": "2027-01-01"}, 3, 7)  # type: ignore[attr-defined]
    assert "Center has 4 places. A course lasts 21 days." in told
    assert "There is no day yet" not in told


@pytest.mark.parametrize(("places", "why"), [(0, "the center has opened no place yet"), (4, "admission is paused")])
def test_a_queue_without_a_day_says_why(english: Environment, places: int, why: str) -> None:
    queues, row = english.get_template("parts/queues.html").module, QUEUE | {"places": places}
    assert why in queues.queues([row])  # type: ignore[attr-defined]
    told = queues.computed(row, 3, 7)  # type: ignore[attr-defined]
    assert "There is no day yet" in told
    assert "So the day was found" not in told


def test_counts_stand_beside_the_figure_that_they_are_of(english: Environment) -> None:
    of_before: Json = {"places": 5, "free": 0, "overcommitted": 25}
    assert use_of(of_before, {"places": 240}) is None
    assert use_of(of_before, {"places": 5}) == of_before
    assert use_of(None, {"places": 5}) is use_of(of_before, None) is None
    places = english.get_template("parts/places.html").module
    told = places.taken_over({"figure": {"places": 240}, "now": None})  # type: ignore[attr-defined]
    assert "is taking this figure over" in told
    assert places.taken_over({"figure": {"places": 5}, "now": of_before}) == ""  # type: ignore[attr-defined]
    assert places.taken_over({"figure": None, "now": None}) == "", "no figure yet"  # type: ignore[attr-defined]


def test_an_organization_has_its_name_in_the_language_of_the_paper() -> None:
    names = {"kk": "Емхана", "ru": "Поликлиника"}
    user = User("nurse", Role.POLYCLINIC, "p-1", names, Language.RUSSIAN, None)  # type: ignore[arg-type]
    assert user.org_name == "Поликлиника"
    assert [user.name_in(one) for one in (Language.KAZAKH, Language.ENGLISH)] == ["Емхана", "p-1"]
