"""`joldama erase`: a child's personal data, destroyed for good."""

from typing import Annotated
from uuid import UUID

import typer

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure
from services.contracts.vocabulary import Role

ChildId = Annotated[UUID, typer.Argument(metavar="CHILD_ID", help="The child's id, as `joldama referral` shows it.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Yes: there is no way back.")]


@command
def erase(caller: Caller, child: ChildId, yes: YesOption = False) -> None:
    """Erase a child on the guardian's request: its key is destroyed, and nobody reads its data again.

    An open referral is to be cancelled first. Figures stay as they are. On a local network the command acts as an
    administrator; `--as polyclinic --org ID` is the polyclinic that has all of its referrals.

    Example: joldama erase 019a2b3c-0000-7000-8000-00000000000a --yes
    """
    if not yes:
        raise Failure(ExitCode.USAGE, f"There is no way back. To erase child {child}, add --yes.")
    with caller.api("intake", Role.ADMIN) as api:
        answer = api.post(f"/v1/children/{child}/erase", None)
    told = f"Child {answer['child_id']} is erased; {answer['referrals']} referrals stay without personal data"
    caller.show(answer, lambda _: told)
