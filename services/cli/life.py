"""`joldama admit|no-show|discharge|cancel|withdraw|offer-again`: what follows an acceptance, and how it all ends."""

from typing import Annotated

import typer

from services.cli.access import Identity
from services.cli.acting import NoteOption, ReasonOption, act
from services.cli.coded import needed
from services.cli.options import AsOption, JsonOption, OrgOption, TokenOption
from services.cli.referral import ReferralId
from services.contracts.vocabulary import Role

OutcomeOption = Annotated[
    str | None,
    typer.Option("--outcome", metavar="CODE", help="How the course ended.", show_default=False),
]


def admit(
    id: ReferralId,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Admit the child: its course begins, and its place is occupied.

    On a local network the command acts as the center that has the child.

    Example: joldama admit 019a2b3c-0000-7000-8000-000000000001
    """
    act(id, "admit", {"note": note}, Identity(token, role, org), json)


def no_show(
    id: ReferralId,
    reason: ReasonOption = None,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Tell that the child did not come: its place goes to the next in the queue.

    On a local network the command acts as the center that has the child.

    Example: joldama no-show 019a2b3c-0000-7000-8000-000000000001 --reason child_ill
    """
    act(
        id, "no-show", {"reason": needed(reason, "--reason", "no_show"), "note": note}, Identity(token, role, org), json
    )


def discharge(
    id: ReferralId,
    outcome: OutcomeOption = None,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Discharge the child: the referral is complete, and the place is free.

    On a local network the command acts as the center that has the child.

    Example: joldama discharge 019a2b3c-0000-7000-8000-000000000001 --outcome improved
    """
    act(
        id,
        "discharge",
        {"outcome": needed(outcome, "--outcome", "outcome"), "note": note},
        Identity(token, role, org),
        json,
    )


def cancel(
    id: ReferralId,
    reason: ReasonOption = None,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Cancel an open referral: whatever place or turn it has is given back.

    On a local network the command acts as an operator.

    Example: joldama cancel 019a2b3c-0000-7000-8000-000000000001 --reason moved_away
    """
    body = {"reason": needed(reason, "--reason", "cancel"), "note": note}
    act(id, "cancel", body, Identity(token, role, org), json, Role.OPERATOR)


def withdraw(
    id: ReferralId,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Withdraw an open referral for the family: whatever place or turn it has is given back.

    On a local network the command acts as the polyclinic that submitted it.

    Example: joldama withdraw 019a2b3c-0000-7000-8000-000000000001
    """
    act(id, "withdraw", {"note": note}, Identity(token, role, org), json, Role.POLYCLINIC)


def offer_again(
    id: ReferralId,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Look for a place again, after a no-show or when the network has changed; the child keeps its turn.

    On a local network the command acts as an operator.

    Example: joldama offer-again 019a2b3c-0000-7000-8000-000000000001
    """
    act(id, "offer-again", {"note": note}, Identity(token, role, org), json, Role.OPERATOR)
