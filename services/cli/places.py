"""`joldama centers`, `joldama capacity` and `joldama forecast`: places, now and later."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.caller import Caller, command
from services.cli.names import center_id, region_id
from services.cli.render import listing, moment
from services.contracts.vocabulary import Modality

if TYPE_CHECKING:
    from services.cli.client import Api

RegionOption = Annotated[str | None, typer.Option(metavar="REGION", help="This region only: KZ-75, Almaty, Алматы.")]
DATES = 3
"""The number of next free dates in a row."""


def center_names(api: "Api") -> dict[str, str]:
    """The centers' English names by id, from the referral service."""
    return {one["id"]: one["name_en"] for one in api.pages("/v1/centers")}


@command
def centers(caller: Caller) -> None:
    """List the centers of the network.

    Example: joldama centers --json | jq -r '.[].id'
    """
    places = Counter[str]()
    with caller.api("referral") as api:
        found = list(api.pages("/v1/centers"))
        for one in () if caller.json else api.pages("/v1/forecast"):
            places[one["center_id"]] += one["places"]
    columns = "id name=name_en region=region_id programmes places"
    made = {"programmes": lambda one: len(one["programmes"]), "places": lambda one: places[one["id"]]}
    caller.show(found, lambda found: listing(f"{len(found)} centers", found, columns, **made))


@command
def capacity(
    caller: Caller,
    region: RegionOption = None,
    modality: Annotated[Modality | None, typer.Option(help="This modality only.")] = None,
    free: Annotated[bool, typer.Option("--free", help="Programmes with a free place only.")] = False,
) -> None:
    """List the programmes with their places: free, held for an offer, occupied, and how many children wait.

    The last column is the day on which the center confirmed its figure. With -2 places free, 2 children must leave
    before a place comes free.

    Example: joldama capacity --region KZ-75 --free
    """
    with caller.api("capacity") as api:
        found = list(api.pages("/v1/capacity", region=region_id(region), modality=modality, free=1 if free else None))
    free_now, places = (sum(one[column] for one in found) for column in ("free", "places"))
    columns = "programme=programme_id modality places free held occupied waiting confirmed"
    title = f"{len(found)} programmes, {free_now:,} of {places:,} places free"
    caller.show(found, lambda found: listing(title, found, columns, free=_free, confirmed=_confirmed))


@command
def forecast(
    caller: Caller,
    center: Annotated[
        str | None, typer.Argument(metavar="[CENTER]", help="One center's programmes only: id or name.")
    ] = None,
    region: RegionOption = None,
) -> None:
    """Show each programme's next free dates from the courses in care, and the date for a child who would join now.

    Dates are estimates: sooner when children leave the queue, later when more urgent ones come or courses last longer.

    Example: joldama forecast almaty-cp-center
    """
    with caller.api("referral") as api:
        found = list(api.pages("/v1/forecast", center_id=center_id(api, center), region=region_id(region)))
    columns = "programme=programme_id places in_use free waiting next_free for_a_new_child=for_new_child confirmed"
    title, made = f"{len(found)} programmes", {"next_free": _next_free, "confirmed": _confirmed}
    caller.show(found, lambda found: listing(title, found, columns, **made))


def _free(figure: dict[str, Any]) -> int:
    """Free places; -2 when two children must leave before a place comes free."""
    return int(figure["free"] - figure.get("overcommitted", 0))


def _next_free(programme: dict[str, Any]) -> str:
    """The next free dates, with the number of places where it is more than one."""
    days = programme["next_free"]
    shown = [one["on"] + (f" ×{one['places']}" if one["places"] > 1 else "") for one in days[:DATES]]
    return "suspended" if programme["suspended"] else ", ".join(shown) + (" …" if len(days) > DATES else "")


def _confirmed(figure: dict[str, Any]) -> str:
    """The day on which the center confirmed its figure, and whether the figure is stale."""
    return (moment(figure["confirmed_at"])[:10] or "never") + (" stale" if figure.get("stale") else "")
