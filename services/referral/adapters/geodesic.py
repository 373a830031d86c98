"""Distances on the WGS 84 ellipsoid, by PROJ."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyproj import Geod

from services.contracts.reference import Settlement

_WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True)
class GeodesicDistances:
    """From any settlement to these centers: center id to (latitude, longitude) in degrees."""

    centers: Mapping[str, tuple[float, float]]

    def __call__(self, home: Settlement) -> dict[str, float]:
        """Kilometers by center id, rounded to the meter, so that the same place is the same distance."""
        if not self.centers:
            return {}
        latitudes, longitudes = zip(*self.centers.values(), strict=True)
        here = len(latitudes)
        _, _, meters = _WGS84.inv([home.longitude] * here, [home.latitude] * here, longitudes, latitudes)
        return {center: round(meter) / 1000 for center, meter in zip(self.centers, meters, strict=True)}
