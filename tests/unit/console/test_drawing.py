"""Maps, charts and codes."""

from pathlib import Path
from typing import Any

import pytest

from services.console.drawing.boundaries import Country, read_country
from services.console.drawing.chart import bar_chart
from services.console.drawing.map import Candidate, Figure, Town, candidates_map, country_map
from services.console.drawing.qr import qr_code
from services.console.rendering import make_environment
from services.console.words.i18n import read_words
from services.console.words.labels import Labels
from services.contracts.vocabulary import Language
from services.kit.settings import CHECKOUT

COUNTRY: Country = read_country(CHECKOUT / "data")
ASTANA, ALMATY, AKTAU = (51.18, 71.45), (43.25, 76.91), (43.65, 51.16)


def figure(free: int, places: int, id: str = "KZ-71") -> Figure:
    return Figure(id, id, free, places, f"/x?{id}")


def drawn(macro: str, *given: Any) -> str:
    module: Any = (
        make_environment(read_words()[Language.ENGLISH], Labels({})).get_template("parts/drawings.html").module
    )
    return str(getattr(module, macro)(*given))


def test_the_country_has_all_regions_and_fits_its_frame() -> None:
    assert len(COUNTRY.boundaries) == 20, "every region of ISO 3166-2:KZ"
    assert 500 < COUNTRY.height < 600, "the country is not quite twice as wide as high"
    for place in (ASTANA, ALMATY, AKTAU):
        x, y = COUNTRY.point(*place)
        assert 0 <= x <= 1000, "a town of the country is in the frame"
        assert 0 <= y <= COUNTRY.height


def test_a_town_is_drawn_in_its_own_region() -> None:
    boxes = {one.region_id: one.box for one in COUNTRY.boundaries}
    for region, place in (("KZ-71", ASTANA), ("KZ-75", ALMATY), ("KZ-47", AKTAU)):
        x, y = COUNTRY.point(*place)
        box = boxes[region]
        assert box.left - 1 <= x <= box.right + 1, f"east and west of {region}"
        assert box.top - 1 <= y <= box.bottom + 1, f"north and south of {region}"


@pytest.mark.parametrize(
    ("free", "places", "level"),
    [(0, 0, "none"), (0, 10, "0"), (1, 100, "1"), (5, 100, "2"), (15, 100, "3"), (30, 100, "4"), (9, 9, "4")],
)
def test_a_region_has_a_color_by_its_share_of_free_places(free: int, places: int, level: str) -> None:
    assert figure(free, places).level == level


def test_a_full_town_is_a_square_and_every_mark_is_a_link_with_words() -> None:
    towns = [Town(figure(0, 40, "full"), *ASTANA), Town(figure(7, 400, "free"), *ALMATY)]
    text = drawn("country", country_map(COUNTRY, [figure(3, 30)], towns), "Map")
    assert text.count("<rect") == 1, "the full town"
    assert text.count("<circle") == 1, "the town with free places"
    assert text.count("<a href") == 3, "a link for the region and both towns"
    assert "full: 0 of 40 places free" in text, "words for who does not see colors"
    assert len(text) < 20_000, "small enough for a slow line"


def test_the_part_of_the_country_has_the_home_and_every_candidate() -> None:
    found = candidates_map(COUNTRY, ASTANA, [Candidate(1, "near", *ASTANA, chosen=True), Candidate(2, "far", *AKTAU)])
    box = found.box
    for x, y in (found.home, *((one.x, one.y) for one in found.spots)):
        assert box.left <= x <= box.right, "within the drawing"
        assert box.top <= y <= box.bottom, "within the drawing"
    assert found.spots[-1].candidate.chosen, "the chosen one is above the others"
    assert found.home != COUNTRY.point(*ASTANA), "the home stands above the center of its own town"
    assert drawn("candidates", found, "Why").count("<text") == 2, "a number for each"


def test_a_chart_is_small_and_ends_at_a_round_number() -> None:
    values = [(number * 37) % 350 for number in range(31)]
    chart = bar_chart(values, "1", "31")
    assert chart.top == 500
    assert len(drawn("chart", chart, "x").encode()) <= 1024, "one KB"
    assert bar_chart([], "", "").path == "", "nothing to draw"
    assert bar_chart([0, 0], "", "").top == 1


def test_a_code_is_drawn_without_a_style_that_the_policy_forbids(tmp_path: Path) -> None:
    code = qr_code("https://console.test/family", "<name>")
    assert "style=" not in code
    assert "&lt;name&gt;" in code
    assert "<path" in code
