"""`joldama seen|accept|decline`: a center's answers to an offer."""

from datetime import datetime
from typing import Annotated

import typer

from services.cli.access import Identity
from services.cli.acting import NoteOption, ReasonOption, act
from services.cli.coded import needed
from services.cli.options import AsOption, JsonOption, OrgOption, TokenOption
from services.cli.referral import ReferralId

DayOption = Annotated[
    datetime | None,
    typer.Option("--admit-on", formats=["%Y-%m-%d"], help="The day agreed with the family.", show_default="in a week"),
]


def seen(
    id: ReferralId, json: JsonOption = False, token: TokenOption = None, role: AsOption = None, org: OrgOption = None
) -> None:
    """Tell that the center has seen the offer.

    On a local network the command acts as the center that has the offer.

    Example: joldama seen 019a2b3c-0000-7000-8000-000000000001
    """
    act(id, "seen", {}, Identity(token, role, org), json)


def accept(
    id: ReferralId,
    admit_on: DayOption = None,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Accept the offer: the center takes the child.

    On a local network the command acts as the center that has the offer.

    Example: joldama accept 019a2b3c-0000-7000-8000-000000000001 --admit-on 2026-12-01
    """
    day = admit_on.date().isoformat() if admit_on else None
    act(id, "accept", {"admit_on": day, "note": note}, Identity(token, role, org), json)


def decline(
    id: ReferralId,
    reason: ReasonOption = None,
    note: NoteOption = None,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Decline the offer, also after accepting it: the child goes on to the next nearest center by itself.

    On a local network the command acts as the center that has the offer.

    Example: joldama decline 019a2b3c-0000-7000-8000-000000000001 --reason no_capacity
    """
    act(
        id, "decline", {"reason": needed(reason, "--reason", "decline"), "note": note}, Identity(token, role, org), json
    )
