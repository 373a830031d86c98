"""`joldama centers` and `joldama capacity`: who there is, and how many places they have now."""

from typing import Annotated, Any

import typer

from services.cli.access import Identity
from services.cli.network import read_network
from services.cli.options import AsOption, JsonOption, OrgOption, TokenOption
from services.contracts.vocabulary import Modality, Role

RegionOption = Annotated[str | None, typer.Option("--region", metavar="ID", help="This region only, such as KZ-75.")]


def centers(json: JsonOption = False, token: TokenOption = None, role: AsOption = None, org: OrgOption = None) -> None:
    """List the centers of the network.

    Example: joldama centers --json | jq -r '.[].id'
    """
    from services.cli.client import Api
    from services.cli.render import paper, print_json, table

    network = read_network()
    with Api(network.url("referral"), Identity(token, role, org).bearer(network, Role.OPERATOR)) as api:
        found = list(api.pages("/v1/centers"))
    if json:
        return print_json(found)
    rows = [
        (
            one["id"],
            one["name_en"],
            one["region_id"],
            len(one["programmes"]),
            sum(p["places"] for p in one["programmes"]),
        )
        for one in found
    ]
    numbers = ("programmes", "places")
    paper().print(table(f"{len(rows)} centers", ("id", "name", "region", *numbers), rows, numbers))


def capacity(
    region: RegionOption = None,
    modality: Annotated[Modality | None, typer.Option("--modality", help="This modality only.")] = None,
    free: Annotated[bool, typer.Option("--free", help="Programmes with a free place only.")] = False,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """List the programmes with their places: free, held for an offer, occupied, and how many children wait;
    and when the center confirmed that. Fewer than 0 free: so many must leave before a place comes free.

    Example: joldama capacity --region KZ-75 --free
    """
    from services.cli.client import Api
    from services.cli.render import paper, print_json, table

    network = read_network()
    with Api(network.url("capacity"), Identity(token, role, org).bearer(network, Role.OPERATOR)) as api:
        found = list(api.pages("/v1/capacity", region=region, modality=modality, free=1 if free else None))
    if json:
        return print_json(found)
    numbers = ("places", "free", "held", "occupied", "waiting")
    shown = [one | {"free": one["free"] - one.get("overcommitted", 0)} for one in found]
    rows = [[*(one.get(column) for column in ("programme_id", "modality", *numbers)), confirmed(one)] for one in shown]
    free_now, places = (sum(one[column] for one in found) for column in ("free", "places"))
    total = f"{len(rows)} programmes, {free_now:,} of {places:,} places free"
    paper().print(table(total, ("programme", "modality", *numbers, "confirmed"), rows, numbers))


def confirmed(figure: dict[str, Any]) -> str:
    """The day on which the center confirmed its figure, and whether that is long ago."""
    from services.cli.render import moment

    return moment(figure["confirmed_at"])[:10] + (" stale" if figure.get("stale") else "")
