"""`joldama referrals` and `joldama worklist`: all referrals, and those that wait for an action."""

from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure
from services.cli.names import center_id
from services.cli.places import center_names
from services.cli.render import listing, spaced
from services.contracts.vocabulary import ReferralState


class Name(StrEnum):
    TO_ANSWER = "to-answer"
    TO_ADMIT = "to-admit"
    IN_CARE = "in-care"
    TO_OFFER_AGAIN = "to-offer-again"
    ESCALATED = "escalated"


@command
def referrals(
    caller: Caller,
    state: Annotated[ReferralState | None, typer.Option(help="In this state only.")] = None,
    center: Annotated[str | None, typer.Option(metavar="CENTER", help="Of this center only: id or name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 50,
) -> None:
    """List referrals, the newest first.

    On a local network the command acts as an operator, who sees all.

    Example: joldama referrals --state offered --center almaty-cp-center
    """
    with caller.api("referral") as api:
        pages = api.pages("/v1/referrals", status=state, center_id=center_id(api, center))
        found, more = list(islice(pages, limit)), next(pages, None)
        names = {} if caller.json else center_names(api)
    columns = "referral=id state center diagnosis=icd10 submitted=submitted_at"
    title = f"The newest {len(found)} referrals (more: --limit)" if more else f"{len(found)} referrals"
    caller.show(
        found,
        lambda found: listing(title, found, columns, center=lambda one: names.get(one["center_id"], one["center_id"])),
    )


@command
def worklist(
    caller: Caller,
    name: Annotated[Name, typer.Argument(help="Which list.")],
    center: Annotated[str | None, typer.Option(metavar="CENTER", help="One center's list only: id or name.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="CODE", help="With escalated: of this reason only.")] = None,
) -> None:
    """List the referrals that wait for an action: by a center, by a polyclinic after a no-show, or by an operator.

    The most urgent is first. On a local network the command acts as an operator, who sees all.

    Example: joldama worklist to-answer --as center --org almaty-cp-center
    """
    if reason is not None and name is not Name.ESCALATED:
        raise Failure(ExitCode.USAGE, f"--reason is of `joldama worklist escalated`; {name.value} has no reasons.")
    with caller.api("referral") as api:
        found = list(api.pages(f"/v1/worklists/{name.value}", center_id=center_id(api, center), reason=reason))
    columns = "referral=id state priority diagnosis=icd10 owner admit_on deadline=deadline_at needs_help"
    title, needs_help = f"{len(found)} {name.value}", lambda one: spaced(one["escalation"])
    caller.show(found, lambda found: listing(title, found, columns, needs_help=needs_help))
