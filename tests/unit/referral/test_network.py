"""The network as one settlement sees it."""

from collections.abc import Mapping

import pytest
from geographiclib.geodesic import Geodesic

from services.contracts.reference import Settlement
from services.referral.adapters.geodesic import GeodesicDistances
from services.referral.domain.network import Network
from tests.unit.referral.samples import SETTLEMENTS, network, programme


def test_neighbors_are_every_programme_by_distance_then_id() -> None:
    found = network([programme("b"), programme("a"), programme("c", settlement_id="home")]).neighbors("home")
    assert [(one.id, kilometers) for kilometers, one in found] == [("c", 0.0), ("a", 111.0), ("b", 111.0)]


def test_a_settlements_distances_are_computed_once() -> None:
    asked: list[str] = []

    def kilometers(home: Settlement) -> Mapping[str, float]:
        asked.append(home.id)
        return {"center-a": 1.0}

    country = Network(1, {"a": programme("a")}, SETTLEMENTS, kilometers)
    for _ in range(3):
        assert country.distance("home", "a") == 1.0
        country.neighbors("home")
    assert asked == ["home"]


def test_an_unknown_settlement_has_no_region_and_no_neighbors() -> None:
    country = network([programme("a")])
    assert (country.region_of("home"), country.region_of("atlantis")) == ("KZ-10", None)
    with pytest.raises(KeyError):
        country.neighbors("atlantis")


def test_kilometers_are_geodesic_to_the_meter() -> None:
    """Almaty to Astana, against another implementation."""
    almaty = SETTLEMENTS["home"].model_copy(update={"latitude": 43.25249, "longitude": 76.9115})
    found = GeodesicDistances({"astana": (51.1801, 71.44598), "here": (43.25249, 76.9115)})(almaty)
    assert found["here"] == 0.0
    meters = Geodesic.WGS84.Inverse(43.25249, 76.9115, 51.1801, 71.44598)["s12"]
    assert found["astana"] == round(meters) / 1000


def test_no_center_is_no_distance() -> None:
    assert GeodesicDistances({})(SETTLEMENTS["home"]) == {}
