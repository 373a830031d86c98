"""Where places are free, for anybody: in words, with the age of each center's figure."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.console.rendering import render, renderer_of
from services.console.sign_in.admission import services_for_anybody
from services.console.upstream import capacity
from services.console.upstream.client import Json
from services.contracts.vocabulary import Modality

router = APIRouter()
ORDER = ("many", "few", "none")


@router.get("/capacity")
async def show_capacity(
    request: Request, region: Annotated[str, Query(max_length=10)] = "", modality: Modality | str = ""
) -> Response:
    """The programmes by region, those with free places first."""
    regions = renderer_of(request).labels.names["region"]
    if region and region not in regions:
        raise HTTPException(404)
    figures = await capacity.public_figures(services_for_anybody(request))
    wanted = [one for one in figures if region in ("", one["region_id"]) and modality in ("", one["modality"])]
    found = {one: in_order(wanted, one) for one in regions}
    return render(
        request, "public/capacity.html", found={one: rows for one, rows in found.items() if rows},
        regions=list(regions), region=region, modality=modality, modalities=list(Modality),
    )  # fmt: skip


def in_order(figures: Sequence[Json], region: str) -> list[Json]:
    """The region's, those with free places first, the suspended last."""
    own = [one for one in figures if one["region_id"] == region]
    return sorted(own, key=lambda one: (one["suspended"], ORDER.index(one["free"]), one["center_id"]))
