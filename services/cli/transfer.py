"""`joldama transfer`: a child's open referral goes from one polyclinic to another."""

from typing import Annotated, Any
from uuid import UUID

import typer

from services.cli.caller import Caller, command
from services.cli.render import listing
from services.cli.token import LOCAL_POLYCLINIC
from services.contracts.vocabulary import Role

PATH = "/v1/transfers"
_COLUMNS = "transfer=transfer_id state to=to_polyclinic holder referral=referral_id answer_by overdue"

transfer = typer.Typer(
    name="transfer",
    help="A child's open referral goes to another polyclinic: ask, list, accept, refuse.\n\n"
    "Example: joldama transfer list --overdue",
    no_args_is_help=True,
    add_completion=False,
)
TransferId = Annotated[UUID, typer.Argument(metavar="ID", help="The transfer's id, as `joldama transfer list` shows.")]


@transfer.command()
@command
def ask(
    caller: Caller,
    iin: Annotated[str, typer.Option(help="The child's IIN.")],
    name: Annotated[str, typer.Option(help="The child's full name, as the other polyclinic has it.")],
    birth_date: Annotated[str, typer.Option(help="The child's birth date.")],
) -> None:
    """Ask the polyclinic that has the child's open referral for it. It has three working days to answer.

    The answer is always the same: whether there is such a child is not told.

    Example: joldama transfer ask --iin 200615600014 --name "Үлгі Бала" --birth-date 2020-06-15 --as polyclinic --org p2
    """
    body = {"iin": iin, "full_name": name, "birth_date": birth_date}
    with caller.api("intake", Role.POLYCLINIC, LOCAL_POLYCLINIC) as api:
        answer = api.post(PATH, body)
    caller.show(answer, lambda found: found["detail"])


@transfer.command("list")
@command
def list_transfers(
    caller: Caller,
    overdue: Annotated[bool, typer.Option("--overdue", help="Those that were not answered in time only.")] = False,
) -> None:
    """List transfers, the oldest first: an operator's are all, a polyclinic's those that it asked or is asked for.

    Example: joldama transfer list --as polyclinic --org p1
    """
    with caller.api("intake") as api:
        found = list(api.pages(PATH, overdue=str(overdue).lower()))
    title = f"{len(found)} transfers"
    caller.show(found, lambda found: listing(title, found, _COLUMNS) if found else title)


@transfer.command()
@command
def accept(caller: Caller, id: TransferId) -> None:
    """Give the referral to the polyclinic that asks for it: the turn, the offers and the place are kept.

    Example: joldama transfer accept 019a2b3c-0000-7000-8000-000000000001
    """
    _decide(caller, id, "accept")


@transfer.command()
@command
def refuse(caller: Caller, id: TransferId) -> None:
    """Keep the referral.

    Example: joldama transfer refuse 019a2b3c-0000-7000-8000-000000000001
    """
    _decide(caller, id, "refuse")


def _decide(caller: Caller, id: UUID, verb: str) -> None:
    with caller.api("intake") as api:
        answer: dict[str, Any] = api.post(f"{PATH}/{id}/{verb}", None)
    caller.show(answer, lambda found: f"Transfer {id} {found['state']}")
