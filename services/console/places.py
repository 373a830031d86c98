"""Places by programme, region and town, from capacity's figures and the registry's centers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.console.drawing.map import Figure, Town
from services.console.upstream.client import Json
from services.console.words.i18n import N_

GROUPS: Mapping[str, str] = {
    "G80": N_("Cerebral palsy"),
    "F7": N_("Intellectual disability"),
    "F8": N_("Disorders of development and autism"),
    "G": N_("Diseases of the nervous system"),
    "P": N_("Conditions from the time around birth"),
    "Q": N_("Conditions from birth on"),
}
"""Groups of diagnoses, by the beginning of their ICD-10 codes."""
AGES: Mapping[str, str] = {"fresh": N_("Confirmed lately"), "stale": N_("Out of date")}
"""Of figures."""


@dataclass(frozen=True, slots=True)
class Programme:
    """A programme's figures, with its center's entry."""

    figure: Json
    center: Json
    prefixes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sum:
    """Of the figures of several programmes."""

    places: int
    free: int
    held: int
    occupied: int
    stale: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which programmes are wanted; an empty text is any."""

    region: str = ""
    town: str = ""
    modality: str = ""
    diagnosis: str = ""
    age: str = ""

    def has(self, one: Programme) -> bool:
        figure, center = one.figure, one.center
        return (
            self.region in ("", figure["region_id"])
            and self.town in ("", center["settlement_id"])
            and self.modality in ("", figure["modality"])
            and (not self.diagnosis or any(_meet(self.diagnosis, prefix) for prefix in one.prefixes))
            and self.age in ("", "stale" if figure["stale"] else "fresh")
        )

    def has_anywhere(self, one: Programme) -> bool:
        """As `has`, in the whole country."""
        return Filter("", "", self.modality, self.diagnosis, self.age).has(one)


def programmes_of(figures: Iterable[Json], centers: Iterable[Json]) -> list[Programme]:
    """The open programmes that both services know: a new one is at the registry some moments before."""
    by_id = {one["id"]: one for one in centers}
    prefixes = {each["id"]: each["icd10_prefixes"] for one in by_id.values() for each in one["programmes"]}
    return [
        Programme(one, by_id[one["center_id"]], prefixes[one["programme_id"]])
        for one in figures
        if one["programme_id"] in prefixes
    ]


def total(programmes: Iterable[Programme]) -> Sum:
    found = [one.figure for one in programmes]
    places, free, held, occupied, stale = (
        sum(one[name] for one in found) for name in ("places", "free", "held", "occupied", "stale")
    )
    return Sum(places, free, held, occupied, stale)


def by_region(programmes: Sequence[Programme], regions: Iterable[str]) -> dict[str, Sum]:
    return {one: total(each for each in programmes if each.figure["region_id"] == one) for one in regions}


def towns(programmes: Iterable[Programme], name: Callable[[str], str], href: Callable[[str, str], str]) -> list[Town]:
    """The towns with places, at their center's coordinates; `href` is given a region and a town."""
    found: dict[str, list[Programme]] = {}
    for one in programmes:
        found.setdefault(one.center["settlement_id"], []).append(one)
    drawn = []
    for town, own in found.items():
        sums, center = total(own), own[0].center
        figure = Figure(town, name(town), sums.free, sums.places, href(center["region_id"], town))
        if sums.places:
            drawn.append(Town(figure, center["latitude"], center["longitude"]))
    return drawn


def _meet(group: str, prefix: str) -> bool:
    """Whether a programme that accepts codes with this prefix accepts some of the group."""
    return prefix.startswith(group) or group.startswith(prefix)
