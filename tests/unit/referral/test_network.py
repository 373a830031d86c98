"""The network as one settlement sees it."""

import pytest
from geographiclib.geodesic import Geodesic

from services.contracts.reference import Settlement
from services.referral.adapters import geodesic
from services.referral.adapters.geodesic import GeodesicDistances
from tests.unit.referral.samples import NOW, SETTLEMENTS, figure, needs, network, programme


def test_candidates_go_by_distance_then_id() -> None:
    country = network([programme("b"), programme("a"), programme("c", settlement_id="home")])
    found = country.decide(needs(), NOW).candidates
    assert [(one.programme_id, one.kilometers) for one in found] == [("c", 0.0), ("a", 111.0), ("b", 111.0)]


def test_an_unknown_settlement_has_no_region_and_no_decision() -> None:
    country = network([programme("a")])
    assert (country.region_of("home"), country.region_of("atlantis")) == ("KZ-10", None)
    with pytest.raises(KeyError):
        country.decide(needs(settlement_id="atlantis"), NOW)


def test_kilometers_are_geodesic_to_the_meter() -> None:
    """Almaty to Astana, against another implementation."""
    almaty = SETTLEMENTS["home"].model_copy(update={"latitude": 43.25249, "longitude": 76.9115})
    found = GeodesicDistances({"astana": (51.1801, 71.44598), "here": (43.25249, 76.9115)})(almaty)
    assert found["here"] == 0.0
    meters = Geodesic.WGS84.Inverse(43.25249, 76.9115, 51.1801, 71.44598)["s12"]
    assert found["astana"] == round(meters) / 1000


def test_a_new_figure_keeps_what_is_known_of_kinds_of_children() -> None:
    before = network([programme("a"), programme("b")])
    known = before.decide(needs(), NOW).common
    after = before.with_figures({"a": figure("a", 7)})
    assert after.figures["a"].places == 7
    assert after.decide(needs(settlement_id="far"), NOW).common is known


def test_only_the_distance_to_new_coordinates_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[list[tuple[float, float]]] = []
    compute = geodesic._kilometers

    def counted(home: Settlement, to: list[tuple[float, float]]) -> list[float]:
        computed.append(to)
        return compute(home, to)

    monkeypatch.setattr(geodesic, "_kilometers", counted)
    home, here, there = SETTLEMENTS["home"], (44.0, 70.0), (45.0, 70.0)
    first = GeodesicDistances({"a": here})
    assert first(home)["a"] == first.moved({"renamed": here})(home)["renamed"]
    moved = first.moved({"a": here, "b": there, "c": here})
    assert moved(home)["a"] == moved(home)["c"] < moved(home)["b"]
    assert [to for to in computed if to] == [[here], [there]]


def test_no_center_is_no_distance() -> None:
    assert GeodesicDistances({})(SETTLEMENTS["home"]) == {}
