"""Distances on the WGS 84 ellipsoid, by PROJ."""

from collections.abc import Mapping

from pyproj import Geod

from services.contracts.reference import Settlement

_WGS84 = Geod(ellps="WGS84")
Coordinates = tuple[float, float]
"""Latitude and longitude in degrees."""


class GeodesicDistances:
    """Distances from settlements to centers, computed once for each pair of coordinates.

    `moved` gives the distances to other centers and keeps what was computed.
    """

    def __init__(
        self, centers: Mapping[str, Coordinates], computed: dict[str, dict[Coordinates, float]] | None = None
    ) -> None:
        self._centers = centers
        self._computed = {} if computed is None else computed
        self._by_center: dict[str, dict[str, float]] = {}

    def moved(self, centers: Mapping[str, Coordinates]) -> "GeodesicDistances":
        return GeodesicDistances(centers, self._computed)

    def __call__(self, home: Settlement) -> Mapping[str, float]:
        """Kilometers by center id, rounded to the meter, so that the same coordinates have the same distance."""
        if home.id not in self._by_center:
            known = self._computed.setdefault(home.id, {})
            missing = list({at for at in self._centers.values() if at not in known})
            known |= zip(missing, _kilometers(home, missing), strict=True)
            self._by_center[home.id] = {center: known[at] for center, at in self._centers.items()}
        return self._by_center[home.id]


def _kilometers(home: Settlement, places: list[Coordinates]) -> list[float]:
    if not places:
        return []
    latitudes, longitudes = zip(*places, strict=True)
    here = len(places)
    _, _, meters = _WGS84.inv([home.longitude] * here, [home.latitude] * here, longitudes, latitudes)
    return [round(meter) / 1000 for meter in meters]
