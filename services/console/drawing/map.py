"""Maps: the country's free places by region and town, and the centers that came into question for one child."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot, sqrt

from services.console.drawing.boundaries import WIDTH, Box, Country

LEVELS = (0.05, 0.15, 0.30)
"""Where the share of free places takes the next color."""
_LEAST_WIDTH = 130
"""Units (about 400 km): a smaller part of the country would say nothing."""
_MARGIN = 0.12


@dataclass(frozen=True, slots=True)
class Figure:
    """Free places of a region or town, what it is called, and where its link leads."""

    id: str
    name: str
    free: int
    places: int
    href: str

    @property
    def level(self) -> str:
        """The class of its color: `none` without places, 0 when full, else 1 to 4."""
        if not self.places:
            return "none"
        return str(0 if self.free <= 0 else 1 + sum(self.free / self.places >= bound for bound in LEVELS))


@dataclass(frozen=True, slots=True)
class Town:
    """A town with centers, at its coordinates (degrees)."""

    figure: Figure
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Area:
    """A region to draw."""

    path: str
    figure: Figure | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A town to draw: a circle, or a square when it is full; `size` is the half of its width."""

    figure: Figure
    x: int
    y: int
    size: int

    @property
    def full(self) -> bool:
        return self.figure.free <= 0


@dataclass(frozen=True, slots=True)
class CountryMap:
    """What the macro `country` draws."""

    width: int
    height: int
    areas: Sequence[Area]
    marks: Sequence[Mark]


def country_map(country: Country, regions: Iterable[Figure], towns: Iterable[Town]) -> CountryMap:
    """Every region, with its figure where there is one; the largest towns are drawn first."""
    figures = {one.id: one for one in regions}
    areas = [Area(one.path, figures.get(one.region_id)) for one in country.boundaries]
    marks = [_mark(country, one) for one in sorted(towns, key=lambda one: -one.figure.places)]
    return CountryMap(WIDTH, country.height, areas, marks)


def _mark(country: Country, town: Town) -> Mark:
    x, y = country.point(town.latitude, town.longitude)
    return Mark(town.figure, round(x), round(y), round(6 + sqrt(town.figure.places)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A center that came into question: its number in the list beside, and its coordinates (degrees)."""

    number: int
    name: str
    latitude: float
    longitude: float
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """A candidate to draw."""

    candidate: Candidate
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class CandidatesMap:
    """What the macro `candidates` draws: the part of the country with the home and all candidates."""

    box: Box
    paths: Sequence[str]
    home: tuple[float, float]
    spots: Sequence[Spot]
    unit: float
    """The length that is a pixel when the drawing is 500 wide."""


def candidates_map(country: Country, home: tuple[float, float], candidates: Sequence[Candidate]) -> CandidatesMap:
    """The home (latitude, longitude) and the candidates; the chosen one is drawn last, above the others."""
    at = country.point(*home)
    ordered = sorted(candidates, key=lambda one: (one.chosen, -one.number))
    spots = [Spot(one, *country.point(one.latitude, one.longitude)) for one in ordered]
    box = _around([at, *((one.x, one.y) for one in spots)])
    paths = [one.path for one in country.boundaries if one.box.meets(box)]
    unit = (box.right - box.left) / 500
    hidden = any(hypot(one.x - at[0], one.y - at[1]) < 24 * unit for one in spots)
    home_at = (at[0], at[1] - 28 * unit) if hidden else at  # above a center of its own town
    return CandidatesMap(box, paths, home_at, spots, unit)


def _around(points: Sequence[tuple[float, float]]) -> Box:
    """A box of 5 to 3 around all points, with a margin."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    across = max(max(xs) - min(xs), (max(ys) - min(ys)) * 5 / 3) * (1 + 2 * _MARGIN)
    half = max(across, _LEAST_WIDTH) / 2
    x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return Box(x - half, y - half * 0.6, x + half, y + half * 0.6)
