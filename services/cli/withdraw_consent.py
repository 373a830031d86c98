"""`joldama withdraw-consent`: the family no longer agrees."""

from typing import Annotated
from uuid import UUID

import typer

from services.cli.caller import Caller, command
from services.cli.join import child_of

ChildId = Annotated[UUID, typer.Argument(metavar="CHILD", help="The child's id, or that of one of its referrals.")]


@command
def withdraw_consent(caller: Caller, child: ChildId) -> None:
    """Write down that the family withdrew its consent: no center reads the child, and its open referral ends.

    The statistics stay. On a local network the command acts as an operator.

    Example: joldama withdraw-consent 019a2b3c-0000-7000-8000-00000000000a
    """
    with caller.api("referral") as api:
        id = child_of(api, child)
    with caller.api("intake") as api:
        answer = api.post(f"/v1/children/{id}/withdraw-consent", {})
    referrals = ", ".join(answer["referral_ids"])
    caller.show(answer, lambda _: f"Without consent since {answer['withdrawn_at']}: child {id}, referrals {referrals}")
