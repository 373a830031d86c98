"""`joldama set-places`: a center's figure, confirmed, changed, suspended or resumed."""

from typing import Annotated, Any

import typer

from services.cli.access import Identity
from services.cli.failures import ExitCode, Failure
from services.cli.network import Network, read_network
from services.cli.options import AsOption, JsonOption, OrgOption, TokenOption
from services.contracts.vocabulary import Role

ProgrammeArgument = Annotated[str, typer.Argument(metavar="PROGRAMME", help="As `joldama capacity` names it.")]
PlacesArgument = Annotated[
    int | None, typer.Argument(min=0, max=100_000, help="How many places it has.", show_default="as many as now")
]
SuspendOption = Annotated[
    bool | None, typer.Option("--suspend/--resume", help="Give no more places for now, or again.", show_default=False)
]


def set_places(
    programme: ProgrammeArgument,
    places: PlacesArgument = None,
    suspend: SuspendOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Set how many places a programme has; without a number, confirm that the figure is still true.

    Nobody loses a place by it: with fewer places than children the programme is overcommitted until some have gone.
    What comes free goes to the first in the queue. On a local network the command acts as the programme's center.

    Example: joldama set-places nccr-astana-inpatient 240
    """
    from services.cli.client import Api
    from services.cli.render import paper, print_json

    network, identity = read_network(), Identity(token, role, org)
    before = _figure(programme, network, identity)
    body = {"places": before["places"] if places is None else places, "suspended": suspend}
    center = before["center_id"]
    with Api(network.url("capacity"), identity.bearer(network, Role.CENTER, center)) as api:
        after = api.put(f"/v1/capacity/{center}/{programme}", body)
    if json:
        return print_json(after)
    paper().print(_said(before, after), soft_wrap=True)


def _figure(programme: str, network: Network, identity: Identity) -> dict[str, Any]:
    """What capacity says of the programme now."""
    from services.cli.client import Api

    with Api(network.url("capacity"), identity.bearer(network, Role.OPERATOR)) as api:
        found = [one for one in api.pages("/v1/capacity") if one["programme_id"] == programme]
    if not found:
        raise Failure(ExitCode.NOT_FOUND, f"There is no programme {programme}: see `joldama capacity`.")
    figure: dict[str, Any] = found[0]
    return figure


def _said(before: dict[str, Any], after: dict[str, Any]) -> str:
    changed = before["places"] != after["places"] or before["suspended"] != after["suspended"]
    words = [f"{after['programme_id']} has {after['places']} places, {after['free']} free, {after['waiting']} wait"]
    if after["suspended"]:
        words.append("suspended: it gives no places")
    if after["overcommitted"]:
        words.append(f"overcommitted by {after['overcommitted']}: so many must leave before a place comes free")
    return "; ".join([*words, *([] if changed else ["the figure is confirmed"])])
