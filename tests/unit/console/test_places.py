"""Places by programme, region and town, as an operator filters them."""

import pytest

from services.console.places import Filter, Programme, by_region, programmes_of, total, towns
from services.console.upstream.client import Json


def figure(programme: str, center: str, region: str, free: int, **more: object) -> Json:
    counted = {"places": 10, "free": free, "held": 10 - free, "occupied": 0, "waiting": 0, "stale": False}
    named = {"programme_id": programme, "center_id": center, "region_id": region, "modality": "inpatient"}
    return named | counted | more


def center(id: str, settlement: str, **prefixes: list[str]) -> Json:
    programmes = [{"id": name, "icd10_prefixes": own} for name, own in prefixes.items()]
    return {
        "id": id, "settlement_id": settlement, "region_id": "KZ-71", "latitude": 51.0, "longitude": 71.0,
        "programmes": programmes,
    }  # fmt: skip


CENTERS = [center("a", "1", p=["G80"], q=["F84", "Q"]), center("b", "2", r=["G"])]
FIGURES = [
    figure("p", "a", "KZ-71", 3),
    figure("q", "a", "KZ-71", 0, modality="day_stay", stale=True),
    figure("r", "b", "KZ-75", 7),
    figure("new", "b", "KZ-75", 1),
]
EVERY = programmes_of(FIGURES, CENTERS)


def ids(programmes: list[Programme]) -> str:
    return "".join(one.figure["programme_id"] for one in programmes)


def test_a_programme_that_the_registry_does_not_have_is_left_out() -> None:
    assert ids(EVERY) == "pqr"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), "pqr"), (Filter(region="KZ-71"), "pq"), (Filter(town="2"), "r"), (Filter(modality="day_stay"), "q"),
        (Filter(age="stale"), "q"), (Filter(age="fresh"), "pr"), (Filter(diagnosis="G80"), "pr"),
        (Filter(diagnosis="G"), "pr"), (Filter(diagnosis="F8"), "q"), (Filter(diagnosis="P"), ""),
    ],
)  # fmt: skip
def test_each_filter_shows_the_programmes_that_it_names(wanted: Filter, found: str) -> None:
    assert ids([one for one in EVERY if wanted.has(one)]) == found


def test_a_region_has_the_sum_of_its_programmes_and_an_empty_one_nothing() -> None:
    sums = by_region(EVERY, ["KZ-71", "KZ-75", "KZ-10"])
    assert [(one.free, one.places, one.stale) for one in sums.values()] == [(3, 20, 1), (7, 10, 0), (0, 0, 0)]
    assert total(EVERY).free == 10, "the country is the sum of its regions"


def test_a_town_is_one_mark_with_all_its_programmes() -> None:
    drawn = towns(EVERY, lambda id: f"town {id}", lambda region, town: f"/map?region={region}&town={town}")
    assert [(one.figure.name, one.figure.free, one.figure.places) for one in drawn] == [
        ("town 1", 3, 20),
        ("town 2", 7, 10),
    ]
    assert drawn[0].figure.href == "/map?region=KZ-71&town=1"
