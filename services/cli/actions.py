"""`joldama seen|accept|decline|admit|no-show|discharge|cancel|withdraw|offer-again`: actions on a referral."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure
from services.cli.network import read_network
from services.cli.reference import codes
from services.contracts.vocabulary import Role

ReferralId = Annotated[UUID, typer.Argument(metavar="ID", help="The referral's id.")]
OPTIONS = {
    "admit_on": Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day agreed with the family.", show_default="in a week"),
    ],
    "reason": Annotated[str | None, typer.Option(metavar="CODE", help="Why, as one of the codes.")],
    "outcome": Annotated[str | None, typer.Option(metavar="CODE", help="How the course ended.")],
    "note": Annotated[str | None, typer.Option(help="A remark, sealed with the child's data.")],
}
_EXAMPLE = "019a2b3c-0000-7000-8000-000000000001"
_ACTORS: dict[Role, tuple[str, str]] = {
    Role.CENTER: ("center_id", "the referral's center"),
    Role.POLYCLINIC: ("polyclinic_id", "the polyclinic that submitted the referral"),
    Role.OPERATOR: ("", "an operator"),
}
"""By role: the field of a referral that names the acting organization, and that organization in words."""


def _action(
    name: str, does: str, said: str, options: str = "note", example: str = "", role: Role = Role.CENTER
) -> Callable[..., None]:
    """The command that posts the action `name`, on a local network as `role` of the organization in the referral."""

    def act(caller: Caller, id: ReferralId, **given: Any) -> None:
        body = {option: _value(name, option, value) for option, value in given.items()}
        org = owner(caller, id, role)
        if text := body.pop("note", None):
            with caller.api("intake", role, org) as api:
                body["note_id"] = api.post(f"/v1/diagnoses/{id}/notes", {"text": text})["note_id"]
        with caller.api("referral", role, org) as api:
            answer = api.post(f"/v1/referrals/{id}/{name}", {key: one for key, one in body.items() if one is not None})
        day = f", to be admitted on {answer['admit_on']}" if name == "accept" and answer.get("admit_on") else ""
        caller.show(answer, lambda _: f"Referral {id} {said}{day}")

    act.__doc__ = f"""{does}

    On a local network the command acts as {_ACTORS[role][1]}.

    Example: {" ".join(filter(None, ("joldama", name, _EXAMPLE, example)))}
    """
    return command(act, {option: OPTIONS[option] for option in options.split()})


def _value(action: str, option: str, given: Any) -> Any:
    """The option as the API takes it. Raises Failure (usage), which lists the codes, when a needed code is missing."""
    if isinstance(given, datetime):
        return given.date().isoformat()
    if given or option not in ("reason", "outcome"):
        return given
    known = [f"  {code:<26}{name}" for code, name in codes(action).items()]
    head = f"--{option} CODE is needed"
    end = [f"{head}, one of:", *known] if known else [f"{head}; --{option} x makes the service list its codes."]
    raise Failure(ExitCode.USAGE, "\n".join(end))


def owner(caller: Caller, id: UUID, role: Role) -> str | None:
    """The referral's center or polyclinic; None where the user has named a token, role or organization, or must."""
    field, _ = _ACTORS[role]
    if caller.token or caller.role or caller.org or not read_network().local or not field:
        return None
    with caller.api("referral") as api:
        owner: str | None = api.get(f"/v1/referrals/{id}").get(field)
    if not owner:
        raise Failure(ExitCode.REFUSED, f"No center has an offer of referral {id} now: see `joldama referral {id}`.")
    return owner


seen = _action("seen", "Record that the center has seen the offer.", "seen", options="")
accept = _action(
    "accept",
    "Accept the offer: the center takes the child.",
    "accepted",
    options="admit_on note",
    example="--admit-on 2026-12-01",
)
decline = _action(
    "decline",
    "Decline the offer, also after accepting it: the referral goes to the next nearest center.",
    "declined: the referral goes to the next nearest center",
    options="reason note",
    example="--reason no_capacity",
)
admit = _action(
    "admit", "Admit the child: the course begins, and the place is occupied.", "admitted: the course begins"
)
no_show = _action(
    "no-show",
    "Record that the child did not come: the place goes to the next child in the queue.",
    "no-show: the place goes to the next child in the queue",
    options="reason note",
    example="--reason child_ill",
)
discharge = _action(
    "discharge",
    "Discharge the child: the referral is complete, and the place is free.",
    "discharged: the referral is complete, and the place is free",
    options="outcome note",
    example="--outcome improved",
)
cancel = _action(
    "cancel",
    "Cancel an open referral: its place or queue positions are released.",
    "cancelled: its place or queue positions are released",
    options="reason note",
    example="--reason moved_away",
    role=Role.OPERATOR,
)
withdraw = _action(
    "withdraw",
    "Withdraw an open referral for the family: its place or queue positions are released.",
    "withdrawn: its place or queue positions are released",
    role=Role.POLYCLINIC,
)
offer_again = _action(
    "offer-again",
    "Look for a place again, after a no-show or when the network has changed, also at centers that did not answer;"
    " the child keeps the rank in queues.",
    "submitted again: the network looks for a place",
    role=Role.OPERATOR,
)
