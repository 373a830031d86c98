"""Whether a center's coordinates can be right, judged by its settlement."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from services.contracts.reference import Settlement

FARTHEST_KM = 100
"""No center lies farther from its settlement."""
_ABROAD_KM = 300
"""Farther than this from every settlement of Kazakhstan is abroad."""
_EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Why coordinates are refused: a stable code, and what they would be on the map."""

    code: str
    message: str


def misplaced(
    latitude: float, longitude: float, settlement: Settlement, settlements: Iterable[Settlement]
) -> Misplaced | None:
    """What is wrong with a center of `settlement` at these degrees; None when they are within FARTHEST_KM of it."""
    away = _kilometers(latitude, longitude, settlement)
    if away <= FARTHEST_KM:
        return None
    home = f"{settlement.name_en} is at latitude {settlement.latitude}, longitude {settlement.longitude}"
    given = f"latitude {latitude:g}, longitude {longitude:g}"
    if latitude == longitude == 0:
        return Misplaced("zero_coordinates", f"{given} is in the sea off Africa: give the center's own; {home}")
    if abs(longitude) <= 90 and _kilometers(longitude, latitude, settlement) <= FARTHEST_KM:
        right = f"latitude {longitude:g}, longitude {latitude:g} would be in {settlement.name_en}"
        return Misplaced("swapped_coordinates", f"{given} is {away:,.0f} km away; the two are swapped: {right}")
    nearest = min(settlements, key=lambda one: _kilometers(latitude, longitude, one))
    near = _kilometers(latitude, longitude, nearest)
    place = f"near {nearest.name_en} ({nearest.region_id})" if near <= _ABROAD_KM else "outside Kazakhstan"
    message = (
        f"{given} is {place}, {away:,.0f} km from {settlement.name_en}, and at most {FARTHEST_KM} are right; {home}"
    )
    return Misplaced("far_from_settlement", message)


def _kilometers(latitude: float, longitude: float, place: Settlement) -> float:
    """On a sphere, by haversines: 0.5 % at most from the ellipsoid, which is enough for a doubt."""
    here, there = radians(latitude), radians(place.latitude)
    angle = sin((there - here) / 2) ** 2 + cos(here) * cos(there) * sin(radians(place.longitude - longitude) / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(min(1.0, angle)))
