"""`joldama forecast`: when places come free; and when a waiting child's turn comes, as `joldama referral` shows it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.access import Identity
from services.cli.network import read_network
from services.cli.options import AsOption, JsonOption, OrgOption, TokenOption
from services.cli.places import RegionOption, confirmed
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from rich.console import RenderableType

DATES = 3
"""How many of a programme's next free dates a row shows."""
_MISSING = {
    "capacity_unreachable": "capacity does not answer",
    "rebuilding": "capacity is being rebuilt from the record",
    "not_queued": "a place is just being handed over",
}


def forecast(
    center: Annotated[str | None, typer.Argument(metavar="[CENTER]", help="One center's programmes only.")] = None,
    region: RegionOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Show each programme's next free dates from the courses in care, and the date for a child who would join now.

    Dates are estimates: sooner when children leave the queue, later when more urgent ones come or courses last longer.

    Example: joldama forecast almaty-cp-center
    """
    from services.cli.client import Api
    from services.cli.render import paper, print_json

    network = read_network()
    with Api(network.url("referral"), Identity(token, role, org).bearer(network, Role.OPERATOR)) as api:
        found = list(api.pages("/v1/forecast", center_id=center, region=region))
    if json:
        return print_json(found)
    paper().print(_shown(found))


_NUMBERS = ("places", "in use", "free", "waiting")


def _shown(found: list[dict[str, Any]]) -> "RenderableType":
    from services.cli.render import table

    rows = [
        (
            one["programme_id"],
            one["places"],
            one["in_use"],
            one["free"],
            one["waiting"],
            "suspended" if one["suspended"] else _dates(one["next_free"]),
            one["for_new_child"],
            confirmed(one),
        )
        for one in found
    ]
    columns = ("programme", *_NUMBERS, "next free", "for a new child", "confirmed")
    return table(f"{len(rows)} programmes", columns, rows, _NUMBERS)


def _dates(days: list[dict[str, Any]]) -> str:
    """The next dates, each with how many places when they are more than one."""
    shown = [one["on"] + (f" ×{one['places']}" if one["places"] > 1 else "") for one in days[:DATES]]
    return ", ".join(shown) + (" …" if len(days) > DATES else "")


def turns(found: dict[str, Any]) -> "RenderableType | None":
    """A waiting child's place in each queue and the estimate, or why it is not known; None when there is neither."""
    from rich.console import Group
    from rich.text import Text

    from services.cli.render import table

    if why := found.get("forecast_missing"):
        return Text(f"Its turn is not known now: {_MISSING.get(why, why)}.")
    forecast = found.get("forecast")
    if not forecast:
        return None
    rows = [
        (
            one["center_name"],
            one["programme_id"],
            f"{one['position']} of {one['length']}",
            f"{one['in_use']} of {one['places']}",
            one["estimated_on"] or (one["reason"] or "").replace("_", " "),
        )
        for one in forecast["queues"]
    ]
    columns = ("center", "programme", "turn", "in use", "estimated")
    title = f"Its turn: about {forecast['estimated_on']}" if forecast["estimated_on"] else "Its turn: no date"
    return Group(table(title, columns, rows, ("turn", "in use")), Text(forecast["how"], style="dim"))
