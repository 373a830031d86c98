"""`joldama join`: two children who are one."""

from typing import Annotated
from uuid import UUID

import typer

from services.cli.caller import Caller, command

ChildId = Annotated[UUID, typer.Argument(metavar="CHILD", help="The id of the child that stays.")]
OtherId = Annotated[UUID, typer.Argument(metavar="OTHER", help="The id of the child that turned out to be the same.")]


@command
def join(caller: Caller, child: ChildId, other: OtherId) -> None:
    """Join two children who are one: a newborn who was submitted without an IIN, and again with it.

    Of two open referrals the one that has come farther stays, with the earlier turn; the other ends.
    On a local network the command acts as an operator.

    Example: joldama join 019a2b3c-0000-7000-8000-00000000000a 019a2b3c-0000-7000-8000-00000000000b
    """
    with caller.api("intake") as api:
        answer = api.post(f"/v1/children/{child}/join", {"child_id": str(other)})
    ended = answer.get("ended_referral_id")
    told = f"; referral {answer['referral_id']} stays, referral {ended} ends" if ended else ""
    caller.show(answer, lambda _: f"Child {other} is child {child}{told}")
