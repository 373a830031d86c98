"""Regions and centers as people name them: by id, or by a name in Kazakh, Russian or English."""

import re
from typing import TYPE_CHECKING

from services.cli.failures import ExitCode, Failure
from services.cli.reference import data_folder

if TYPE_CHECKING:
    from services.cli.client import Api
    from services.contracts.near_matches import Named

_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
"""Of a center; names are written otherwise. The service judges whether there is one of that id."""


def region_id(text: str | None) -> str | None:
    """The region's id, by the reference data; `text` as it is without that data, for the service to judge.

    Raises Failure (usage) with near matches, or else with all, when there is no such region.
    """
    if text is None:
        return None
    from services.contracts.reference import read_regions

    try:
        regions = read_regions(data_folder())
    except OSError:
        return text
    return _one("region", text, regions)


def center_id(api: "Api", text: str | None) -> str | None:
    """The center's id, by the network's registry. Raises Failure (usage) with near matches."""
    return text if text is None or _ID.fullmatch(text) else _one("center", text, _centers(api))


def own_center_id(api: "Api", text: str) -> str:
    """The id of the center as which somebody acts: of an unknown one every list would be empty.

    `text` as it is while the registry does not answer. Raises Failure (usage) with near matches.
    """
    try:
        every = _centers(api)
    except Failure:
        return text
    return _one("center", text, every)


def _centers(api: "Api") -> "list[Named]":
    from services.contracts.near_matches import Named

    found = api.pages("/v1/centers")
    return [Named(one["id"], (one["name_kk"], one["name_ru"], one["name_en"])) for one in found]


def _one(kind: str, text: str, every: "list[Named]") -> str:
    from services.contracts.near_matches import did_you_mean, resolve

    if id := resolve(text, every):
        return id
    listed = f"; they are: {'; '.join(map(str, every))}" if kind == "region" else "; `joldama centers` lists them."
    near = did_you_mean(text, every) or listed
    raise Failure(ExitCode.USAGE, f"There is no {kind} of this name, or there are several{near}")
