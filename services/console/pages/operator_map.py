"""The country's map for operators: free places by region and town, a table beside it, and the latest steps."""

import asyncio
from collections import Counter
from collections.abc import Container, Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.console.addresses import with_query
from services.console.drawing.boundaries import read_country
from services.console.drawing.map import CountryMap, Figure, country_map
from services.console.places import AGES, GROUPS, Filter, Programme, Sum, by_region, programmes_of, total, towns
from services.console.rendering import render, renderer_of, words_of
from services.console.sign_in.admission import console_of
from services.console.sign_in.user import Operator
from services.console.upstream import capacity, referral
from services.console.upstream.client import Json
from services.contracts.vocabulary import Modality

router = APIRouter()
STEPS, ROWS = 8, 25
Text = Annotated[str, Query(max_length=20)]


@router.get("/map")
async def show_map(
    request: Request,
    user: Operator,
    region: Text = "",
    town: Text = "",
    modality: Text = "",
    diagnosis: Text = "",
    age: Text = "",
    cursor: Text = "",
) -> Response:
    """Filters that are not known are none. With any the programmes are listed, each with its own figures."""
    names = renderer_of(request).labels.names
    wanted = Filter(
        known(region, names["region"]), known(town, names["settlement"]), known(modality, list(Modality)),
        known(diagnosis, GROUPS), known(age, AGES),
    )  # fmt: skip
    figures, centers, waiting = await asyncio.gather(
        capacity.every_figure(user.services), referral.every_center(user.services), referral.by_region(user.services)
    )
    every = [one for one in programmes_of(figures, centers) if wanted.has_anywhere(one)]
    shown = sorted(filter(wanted.has, every), key=lambda one: (one.center["id"], one.figure["modality"]))
    regions, first = by_region(every, names["region"]), int(cursor) if cursor.isdecimal() else 0
    return render(
        request, "operator/map.html", map=_drawn(request, wanted, every, regions), wanted=wanted, regions=regions,
        sum=total(shown), programmes=shown[first:][:ROWS] if wanted != Filter() else [],
        counted=lambda state: _counted(wanted, state), waiting=_by_region(waiting),
        modalities=list(Modality), groups=GROUPS, ages=AGES, address=lambda **changes: address(wanted, **changes),
        steps=list(console_of(request).hub.steps)[:STEPS], named={one["id"]: one for one in centers},
        **_pages(wanted, first, len(shown)),
    )  # fmt: skip


def _pages(wanted: Filter, first: int, count: int) -> Json:
    """The pages of programmes before and after the one that begins with number `first` of `count`."""

    def at(number: int) -> str:
        return f"{address(wanted, cursor=str(number) if number else '')}#programmes"

    more = wanted != Filter()
    return {
        "previous": at(max(first - ROWS, 0)) if more and first else None,
        "next": at(first + ROWS) if more and first + ROWS < count else None,
    }


def known(value: str, values: Container[str]) -> str:
    """The value where it is one of those that there are, else nothing."""
    return value if value in values else ""


def address(wanted: Filter, **changes: str) -> str:
    """Of the map with this filter, but for the changes."""
    given = {name: getattr(wanted, name) for name in ("region", "town", "modality", "diagnosis", "age")} | changes
    return with_query("/map", **given)


def _counted(wanted: Filter, state: str) -> str:
    """Where those are whom a sum counts: in one list, or by the programmes of the filter, each of which has its own."""
    return with_query("/children", status=state) if wanted == Filter() else f"{address(wanted)}#programmes"


def _drawn(request: Request, wanted: Filter, every: list[Programme], regions: dict[str, Sum]) -> CountryMap:
    labels, words = renderer_of(request).labels, words_of(request)
    figures = [
        Figure(id, labels.label(words, id, "region"), one.free, one.places, address(wanted, region=id, town=""))
        for id, one in regions.items()
    ]
    marks = towns(
        every,
        lambda id: labels.label(words, id, "settlement"),
        lambda region, town: address(wanted, region=region, town=town),
    )
    return country_map(read_country(console_of(request).settings.data), figures, marks)


def _by_region(counts: list[Json]) -> Mapping[str, int]:
    """Of children of any age."""
    found = Counter[str]()
    for one in counts:
        found[one["region_id"]] += one["count"]
    return found
