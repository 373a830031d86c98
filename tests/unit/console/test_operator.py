"""What an operator's pages make of the APIs' answers."""

from datetime import date

import pytest
from jinja2 import Environment

from services.console.pages.operator_audit import differing
from services.console.pages.operator_map import address
from services.console.pages.operator_trends import by_month, year_ago
from services.console.pages.operator_waiting import table
from services.console.places import Filter
from services.console.rendering import make_environment
from services.console.upstream.client import Json
from services.console.words.i18n import read_words
from services.console.words.labels import read_labels
from services.contracts.vocabulary import Language
from services.kit.settings import CHECKOUT


def test_days_are_put_together_by_their_calendar_month() -> None:
    days: list[Json] = [{"day": one} for one in ("2026-10-31", "2026-11-01", "2026-11-02")]
    assert [len(own) for own in by_month(days)] == [1, 2]


@pytest.mark.parametrize(
    ("today", "first"), [("2026-11-28", "2025-12-01"), ("2026-12-31", "2026-01-01"), ("2028-02-29", "2027-03-01")]
)
def test_a_year_is_this_month_and_the_eleven_before(today: str, first: str) -> None:
    assert year_ago(date.fromisoformat(today)) == date.fromisoformat(first)


def test_a_difference_shows_what_is_not_the_same_on_both_sides() -> None:
    one = {"record": {"state": "held", "attempt": 2, "rank": 5}, "capacity": {"state": "occupied", "attempt": 2}}
    assert differing(one) == [("rank", "5", "–"), ("state", "held", "occupied")]
    assert differing({"record": None, "capacity": {"attempt": 1}}) == [("attempt", "–", "1")]


def test_who_waits_is_in_its_region_and_age_group() -> None:
    counts: list[Json] = [
        {"region_id": "KZ-75", "age_from_months": 0, "count": 2},
        {"region_id": "KZ-75", "age_from_months": 144, "count": 1},
    ]
    assert table(counts) == {"KZ-75": {"0": 2, "144": 1}}


def test_a_link_of_the_map_keeps_its_filter_but_for_what_it_changes() -> None:
    wanted = Filter(region="KZ-71", town="1", modality="inpatient")
    assert address(wanted, region="KZ-75", town="") == "/map?region=KZ-75&modality=inpatient"
    assert address(Filter()) == "/map"


@pytest.fixture(scope="module")
def english() -> Environment:
    return make_environment(read_words()[Language.ENGLISH], read_labels(CHECKOUT / "data"))


def page(english: Environment, name: str, **given: object) -> str:
    return english.get_template(f"operator/{name}.html").render(layout="fragment.html", errors={}, **given)


def test_of_several_referrals_with_one_number_the_audit_log_asks_which(english: Environment) -> None:
    named = [{"id": f"{one}-1A2B3C", "submitted_at": "2026-11-28T05:00:00Z"} for one in "ab"]
    told = page(english, "audit_log", named=named, log="intake", logs={}, about="№ 1A2B3C", sought="", entries=[])
    assert "Several referrals have this number" in told
    assert 'href="/audit-log?log=intake&amp;about=b-1A2B3C"' in told
    assert "There is no entry" not in told
