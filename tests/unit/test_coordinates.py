"""Which coordinates of a center are refused, and with which words."""

import pytest

from services.contracts.coordinates import FARTHEST_KM, misplaced
from services.contracts.reference import read_centers, read_settlements
from services.kit.settings import CHECKOUT

SETTLEMENTS = read_settlements(CHECKOUT / "data")
ALMATY = next(one for one in SETTLEMENTS.values() if one.region_id == "KZ-75")


@pytest.mark.parametrize(
    ("latitude", "longitude", "code", "words"),
    [
        (76.95, 43.25, "swapped_coordinates", "latitude 43.25, longitude 76.95 would be in Almaty"),
        (0.0, 0.0, "zero_coordinates", "in the sea off Africa"),
        (51.18, 71.45, "far_from_settlement", "near Astana (KZ-71), 973 km from Almaty"),
        (71.45, 51.18, "far_from_settlement", "outside Kazakhstan"),
        (0.0, 76.95, "far_from_settlement", "outside Kazakhstan"),
        (43.25, 0.0, "far_from_settlement", "outside Kazakhstan"),
        (-43.25, 76.95, "far_from_settlement", "outside Kazakhstan"),
        (43.25, -76.95, "far_from_settlement", "outside Kazakhstan"),
        (90.0, 180.0, "far_from_settlement", "outside Kazakhstan"),
        (44.25, 76.95, "far_from_settlement", f"km from Almaty, and at most {FARTHEST_KM} are right"),
    ],
)
def test_coordinates_that_cannot_be_right_say_where_they_would_be(
    latitude: float, longitude: float, code: str, words: str
) -> None:
    found = misplaced(latitude, longitude, ALMATY, SETTLEMENTS.values())
    assert found is not None
    assert (found.code, words in found.message) == (code, True), found.message


@pytest.mark.parametrize(("latitude", "longitude"), [(43.25, 76.95), (43.9, 76.95), (43.25, 78.0)])
def test_a_center_in_or_near_its_settlement_is_right(latitude: float, longitude: float) -> None:
    assert misplaced(latitude, longitude, ALMATY, SETTLEMENTS.values()) is None


def test_the_centers_of_the_reference_data_stand_in_their_settlements() -> None:
    for one in read_centers(CHECKOUT / "data").values():
        place = SETTLEMENTS[one.settlement_id]
        assert misplaced(one.latitude, one.longitude, place, SETTLEMENTS.values()) is None, one.id
        swapped = misplaced(one.longitude, one.latitude, place, SETTLEMENTS.values())
        assert (swapped is None) is (place.name_en == "Oral"), (
            f"{one.id}: Oral is at 51.2, 51.4: swapped it is 25 km away"
        )
