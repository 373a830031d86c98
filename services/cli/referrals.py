"""`joldama referrals`: the newest referrals, so that one can be named."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.access import Identity
from services.cli.network import read_network
from services.cli.options import AsOption, JsonOption, OrgOption, TokenOption
from services.contracts.vocabulary import ReferralState, Role

if TYPE_CHECKING:
    from rich.console import RenderableType


def referrals(
    state: Annotated[ReferralState | None, typer.Option("--state", help="In this state only.")] = None,
    center: Annotated[str | None, typer.Option("--center", metavar="ID", help="That this center has now.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """List referrals, the newest first.

    On a local network the command acts as an operator, who sees all.

    Example: joldama referrals --state offered --center almaty-cp-center
    """
    from services.cli.client import Api
    from services.cli.render import paper, print_json

    network = read_network()
    with Api(network.url("referral"), Identity(token, role, org).bearer(network, Role.OPERATOR)) as api:
        pages = api.pages("/v1/referrals", limit + 1, status=state, center_id=center)
        found, more = list(islice(pages, limit)), next(pages, None)
        if json:
            return print_json(found)
        names = {one["id"]: one["name_en"] for one in api.pages("/v1/centers")}
    paper().print(_shown(found, names, more is not None))


def _shown(found: list[dict[str, Any]], names: dict[str, str], more: bool) -> "RenderableType":
    from services.cli.render import moment, state, table

    rows = [
        (
            one["id"],
            state(one["state"]),
            names.get(one["center_id"], one["center_id"]),
            one["icd10"],
            moment(one["submitted_at"]),
        )
        for one in found
    ]
    title = f"The newest {len(rows)} referrals (more: --limit)" if more else f"{len(rows)} referrals"
    return table(title, ("referral", "state", "center", "diagnosis", "submitted"), rows)
