"""`joldama worklist`: what waits for a center, a polyclinic, or the operators."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from services.cli.access import Identity
from services.cli.network import read_network
from services.cli.options import AsOption, JsonOption, OrgOption, TokenOption
from services.contracts.vocabulary import Role


class Name(StrEnum):
    TO_ANSWER = "to-answer"
    TO_ADMIT = "to-admit"
    IN_CARE = "in-care"
    TO_OFFER_AGAIN = "to-offer-again"
    ESCALATED = "escalated"


def worklist(
    name: Annotated[Name, typer.Argument(help="Which list.", show_default=False)],
    center: Annotated[str | None, typer.Option("--center", metavar="ID", help="One center's list only.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="CODE", help="With escalated: those of one reason only.")
    ] = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """List what waits: offers to answer, children to admit, children in care, children who did not come; or what
    needs an operator.

    The most urgent is first. On a local network the command acts as an operator, who sees all.

    Example: joldama worklist to-answer --as center --org almaty-cp-center
    """
    from services.cli.client import Api
    from services.cli.render import paper, print_json

    network = read_network()
    with Api(network.url("referral"), Identity(token, role, org).bearer(network, Role.OPERATOR)) as api:
        found = list(api.pages(f"/v1/worklists/{name.value}", center_id=center, reason=reason))
    if json:
        return print_json(found)
    paper().print(_shown(name, found))


def _shown(name: Name, found: list[dict[str, Any]]) -> Any:
    from services.cli.render import moment, state, table

    rows = [
        (
            one["id"],
            state(one["state"]),
            one["priority"],
            one["icd10"],
            one["owner"],
            one["admit_on"],
            moment(one["deadline_at"]),
            (one["escalation"] or "").replace("_", " "),
        )
        for one in found
    ]
    columns = ("referral", "state", "priority", "diagnosis", "owner", "admit on", "deadline", "needs help")
    return table(f"{len(rows)} {name.value}", columns, rows)
