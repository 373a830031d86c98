"""`joldama seen|accept|decline`: a center's answers to an offer."""

from typing import Annotated, Any
from uuid import UUID

import typer

from services.cli.access import Identity
from services.cli.failures import ExitCode, Failure
from services.cli.network import Network, read_network
from services.cli.options import AsOption, JsonOption, OrgOption, TokenOption
from services.cli.referral import ReferralId
from services.contracts.vocabulary import Role

ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="CODE", help="A code of data/reasons.csv.", show_default=False)
]
NoteOption = Annotated[
    str | None, typer.Option("--note", help="A remark; no name and no phone in it.", show_default=False)
]


def seen(
    id: ReferralId, json: JsonOption = False, token: TokenOption = None, role: AsOption = None, org: OrgOption = None
) -> None:
    """Tell that the center has seen the offer.

    On a local network the command acts as the center that has the offer.

    Example: joldama seen 019a2b3c-0000-7000-8000-000000000001
    """
    _answer(id, "seen", {}, Identity(token, role, org), json)


def accept(
    id: ReferralId,
    reason: ReasonOption = None,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Accept the offer: the center takes the child.

    On a local network the command acts as the center that has the offer.

    Example: joldama accept 019a2b3c-0000-7000-8000-000000000001
    """
    _answer(id, "accept", {"reason": reason, "note": note}, Identity(token, role, org), json)


def decline(
    id: ReferralId,
    reason: ReasonOption = None,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Decline the offer: the child goes on to the next nearest center by itself.

    On a local network the command acts as the center that has the offer.

    Example: joldama decline 019a2b3c-0000-7000-8000-000000000001 --reason no_capacity
    """
    _answer(id, "decline", {"reason": reason, "note": note}, Identity(token, role, org), json)


def _answer(id: UUID, action: str, body: dict[str, Any], identity: Identity, json: bool) -> None:
    from services.cli.client import Api
    from services.cli.render import paper, print_json

    network = read_network()
    given = {name: value for name, value in body.items() if value is not None}
    with Api(network.url("referral"), _bearer(id, identity, network)) as api:
        answer = api.post(f"/v1/referrals/{id}/{action}", given)
    if json:
        return print_json(answer)
    paper().print(f"Referral {id} is {answer['state']}.")


def _bearer(id: UUID, identity: Identity, network: Network) -> str:
    """A token for the center that has the offer, unless the user has said as whom to act."""
    if identity.chosen or identity.org or not network.local:
        return identity.bearer(network, Role.CENTER)
    from services.cli.client import Api

    with Api(network.url("referral"), identity.bearer(network, Role.OPERATOR)) as api:
        center = api.get(f"/v1/referrals/{id}").get("center_id")
    if not center:
        raise Failure(ExitCode.REFUSED, f"No center has an offer of referral {id} now: see `joldama referral {id}`.")
    return identity.bearer(network, Role.CENTER, center)
