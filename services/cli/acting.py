"""What every command on a referral shares: as whom it is done, sending it, and saying what came of it."""

from typing import Annotated, Any
from uuid import UUID

import typer

from services.cli.access import Identity
from services.cli.failures import ExitCode, Failure
from services.cli.network import Network, read_network
from services.contracts.vocabulary import Role

ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="CODE", help="Why, as one of the codes.", show_default=False)
]
NoteOption = Annotated[
    str | None, typer.Option("--note", help="A remark; no name and no phone in it.", show_default=False)
]
_SAID = {
    "seen": "seen",
    "accept": "accepted",
    "decline": "declined: the child goes on to the next nearest center by itself",
    "admit": "admitted: the course begins",
    "no-show": "no-show: the place goes to the next in the queue",
    "discharge": "discharged: the referral is complete, and the place is free",
    "cancel": "cancelled: its place or turn is given back",
    "withdraw": "withdrawn: its place or turn is given back",
    "offer-again": "submitted again: the network looks for a place",
}
"""What has come of each action, in the past tense."""
_HOLDS = {Role.CENTER: "center_id", Role.POLYCLINIC: "polyclinic_id"}


def act(id: UUID, action: str, body: dict[str, Any], identity: Identity, json: bool, role: Role = Role.CENTER) -> None:
    """Send `action`, on a local network as the `role` that the referral names, and print what came of it."""
    from services.cli.client import Api
    from services.cli.render import paper, print_json

    network = read_network()
    given = {name: value for name, value in body.items() if value is not None}
    with Api(network.url("referral"), _bearer(id, identity, network, role)) as api:
        answer = api.post(f"/v1/referrals/{id}/{action}", given)
    if json:
        return print_json(answer)
    day = f", to be admitted on {answer['admit_on']}" if action == "accept" and answer.get("admit_on") else ""
    paper().print(f"Referral {id} {_SAID[action]}{day}", soft_wrap=True)


def _bearer(id: UUID, identity: Identity, network: Network, role: Role) -> str:
    """A token for the center or polyclinic that has the referral, unless the user has said as whom to act."""
    if identity.chosen or identity.org or not network.local or role not in _HOLDS:
        return identity.bearer(network, role)
    from services.cli.client import Api

    with Api(network.url("referral"), identity.bearer(network, Role.OPERATOR)) as api:
        holder = api.get(f"/v1/referrals/{id}").get(_HOLDS[role])
    if not holder:
        raise Failure(ExitCode.REFUSED, f"No center has an offer of referral {id} now: see `joldama referral {id}`.")
    return identity.bearer(network, role, holder)
