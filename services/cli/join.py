"""`joldama join`: two children who are one."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from services.cli.caller import Caller, command
from services.cli.failures import Refused

if TYPE_CHECKING:
    from services.cli.client import Api

ChildId = Annotated[UUID, typer.Argument(metavar="CHILD", help="The child that stays: its id, or that of a referral.")]
OtherId = Annotated[UUID, typer.Argument(metavar="OTHER", help="The one that turned out to be the same, likewise.")]


@command
def join(caller: Caller, child: ChildId, other: OtherId) -> None:
    """Join two children who are one: a newborn who was submitted without an IIN, and again with it.

    Of two open referrals the one that has come farther stays, with the earlier turn; the other ends.
    `joldama referral ID` shows the child's id. On a local network the command acts as an operator.

    Example: joldama join 019a2b3c-0000-7000-8000-00000000000a 019a2b3c-0000-7000-8000-00000000000b
    """
    with caller.api("referral") as api:
        stays, joined = child_of(api, child), child_of(api, other)
    with caller.api("intake") as api:
        answer = api.post(f"/v1/children/{stays}/join", {"child_id": joined})
    ended = answer.get("ended_referral_id")
    told = f"; referral {answer['referral_id']} stays, referral {ended} ends" if ended else ""
    caller.show(answer, lambda _: f"Child {joined} is child {stays}{told}")


def child_of(api: "Api", id: UUID) -> str:
    """The child of the referral with that id; the id itself when there is no such referral."""
    try:
        return str(api.get(f"/v1/referrals/{id}")["child_id"])
    except Refused as refused:
        if refused.status != 404:
            raise
        return str(id)
