"""The country's regions as SVG paths in an equal-area projection, made once at the start."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pyproj import Proj

WIDTH = 1000
"""The country's width in units of the drawing; about 3 km each."""
_ALBERS = "+proj=aea +lat_1=42 +lat_2=53 +lat_0=48 +lon_0=67 +datum=WGS84"
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the drawing; y grows downward."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        return not (
            other.right < self.left or other.left > self.right or other.bottom < self.top or other.top > self.bottom
        )


@dataclass(frozen=True, slots=True)
class Boundary:
    """A region's outline as the `d` of an SVG path, and the box around it."""

    region_id: str
    path: str
    box: Box


@dataclass(frozen=True)
class Country:
    """All outlines, and the projection of any point into their units."""

    boundaries: tuple[Boundary, ...]
    height: int
    _projection: Proj
    _west: float
    _north: float
    _scale: float

    def point(self, latitude: float, longitude: float) -> Point:
        """Degrees (WGS 84) to units of the drawing."""
        east, north = self._projection(longitude, latitude)
        return (east - self._west) * self._scale, (self._north - north) * self._scale


@cache
def read_country(data: Path) -> Country:
    """The regions of `boundaries.geojson` in the folder `data`."""
    projection = Proj(_ALBERS)
    features = json.loads((data / "boundaries.geojson").read_text())["features"]
    rings = {one["properties"]["id"]: list(_rings(one["geometry"])) for one in features}
    projected = {
        region: [[projection(longitude, latitude) for longitude, latitude in ring] for ring in found]
        for region, found in rings.items()
    }
    points = [point for found in projected.values() for ring in found for point in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    scale = WIDTH / (east - west)
    drawn = {
        region: [[(round((x - west) * scale), round((north - y) * scale)) for x, y in ring] for ring in found]
        for region, found in projected.items()
    }
    boundaries = tuple(Boundary(region, "".join(map(_path, found)), _box(found)) for region, found in drawn.items())
    return Country(boundaries, round((north - south) * scale), projection, west, north, scale)


def _rings(geometry: Mapping[str, Any]) -> Iterator[list[Point]]:
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    for polygon in polygons:
        yield from polygon


def _path(ring: list[tuple[int, int]]) -> str:
    """A closed line by its steps, which are shorter than positions; points that fall together are one."""
    steps, last = [], ring[0]
    for point in ring[1:-1]:
        if point != last:
            steps.append(f"{point[0] - last[0]} {point[1] - last[1]}")
            last = point
    return f"M{ring[0][0]} {ring[0][1]}l{' '.join(steps).replace(' -', '-')}z"


def _box(rings: list[list[tuple[int, int]]]) -> Box:
    xs, ys = [x for ring in rings for x, _ in ring], [y for ring in rings for _, y in ring]
    return Box(min(xs), min(ys), max(xs), max(ys))
