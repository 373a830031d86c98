"""Centers and programmes: the seed documents' figures, and what had to be assumed beside them."""

import math
import tomllib
from collections.abc import Sequence
from typing import Any

from tables import INPUT, Row, read

GROUPS: dict[str, Any] = tomllib.loads((INPUT / "groups.toml").read_text(encoding="utf-8"))


def centers(settlements: Sequence[Row]) -> list[Row]:
    """A center stands at the point of its settlement: no seed gives an address."""
    places = {str(row["id"]): row for row in settlements}
    return [_center(row, places[row["settlement_id"]]) for row in read("centers.csv")]


def _center(row: dict[str, str], place: Row) -> Row:
    group = GROUPS["groups"][row["group"]]
    spelled = {lang: place[f"name_{lang}"] for lang in ("kk", "ru", "en")}
    number = row["id"].rpartition("-")[2]
    suffix = f" № {number}" if number.isdigit() else ""
    names = {
        f"name_{lang}": row[f"name_{lang}"] or str(group[f"name_{lang}"]).format(**spelled) + suffix
        for lang in ("kk", "ru", "en")
    }
    return {
        "id": row["id"],
        **names,
        "region_id": place["region_id"],
        "settlement_id": place["id"],
        "latitude": place["latitude"],
        "longitude": place["longitude"],
        "group": row["group"],
        "source": group["source"],
        "assumed": "; ".join(filter(None, (group["assumed"], "coordinates: the settlement's"))),
    }


def programmes() -> list[Row]:
    """Every center's programmes; those without a figure share what remains of the national total by weight."""
    found = [
        (center, programme)
        for center in read("centers.csv")
        for programme in GROUPS["groups"][center["group"]]["programmes"]
    ]
    fixed = [_fixed_places(programme) for _, programme in found]
    remaining = GROUPS["almanac"]["total"] - sum(filter(None, fixed))
    shares = iter(_share(remaining, [programme["weight"] for _, programme in found if "weight" in programme]))
    return [
        _programme(center, programme, next(shares) if places is None else places, remaining)
        for (center, programme), places in zip(found, fixed, strict=True)
    ]


def _fixed_places(programme: dict[str, Any]) -> int | None:
    if "places" in programme:
        return int(programme["places"])
    if "children_a_year" in programme:
        return round(programme["children_a_year"] * programme["course_days"] / 365)
    return None


def _share(total: int, weights: Sequence[float]) -> list[int]:
    """`total` whole places in proportion to `weights`, by the largest remainders."""
    exact = [total * weight / sum(weights) for weight in weights]
    whole = [math.floor(part) for part in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (whole[i] - exact[i], i))
    for index in by_remainder[: total - sum(whole)]:
        whole[index] += 1
    return whole


def _programme(center: dict[str, str], programme: dict[str, Any], places: int, remaining: int) -> Row:
    prefixes = programme["icd10"]
    assumed = programme["assumed"]
    if "weight" in programme:
        assumed += f"; places: a share by weight of the {remaining} that remain of the national 4,130"
    return {
        "id": f"{center['id']}-{programme['modality'].replace('_', '-')}",
        "center_id": center["id"],
        "modality": programme["modality"],
        "age_from_months": programme["ages"][0],
        "age_under_months": programme["ages"][1],
        "icd10_prefixes": GROUPS["prefixes"][prefixes] if isinstance(prefixes, str) else ";".join(prefixes),
        "catchment": programme["catchment"],
        "places": places,
        "course_days": programme["course_days"],
        "children_a_year": programme.get("children_a_year", ""),
        "source": GROUPS["groups"][center["group"]]["source"],
        "seed_figure": programme.get("figure", ""),
        "derived": _derivation(programme, places),
        "assumed": assumed,
    }


def _derivation(programme: dict[str, Any], places: int) -> str:
    if "children_a_year" not in programme:
        return ""
    children, days = programme["children_a_year"], programme["course_days"]
    return f"places = {children} children a year × {days} days / 365 = {children * days / 365:.1f}, rounded to {places}"
