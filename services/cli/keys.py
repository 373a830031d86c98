"""`joldama keys`: which keys intake has, and making anew what older ones have made."""

import sys
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure
from services.cli.render import listing, paper

if TYPE_CHECKING:
    from services.cli.client import Api

PATIENCE = 60.0
"""Seconds of pauses while intake is away."""
keys = typer.Typer(
    name="keys",
    help="Intake's keys: which are in use, and rotation.\n\nExample: joldama keys status",
    no_args_is_help=True,
    add_completion=False,
)


@keys.command()
@command
def status(caller: Caller) -> None:
    """Show the known keys by kind and version, which are active, and how much was made by each.

    A key that nothing is made by any more may be removed from the settings.

    Example: joldama keys status --json | jq '.keys[] | select(.uses == 0 and .active == false)'
    """
    with caller.api("intake") as api:
        _show(caller, api.get("/v1/keys"))


@keys.command()
@command
def rotate(caller: Caller) -> None:
    """Make the newest keys active, and make anew what older ones have made, while the network serves.

    Set the new keys in all of intake's processes before. Interrupted at any moment, the next run goes on.

    Example: joldama keys rotate
    """
    with caller.api("intake") as api, _bar() as bar:
        found = _persistent(api, "GET", "/v1/keys")
        total = max(found["children"], 1)
        task, done = bar.add_task("Making anew what older keys have made", total=total), 0
        while not (step := _persistent(api, "POST", "/v1/keys/rotate"))["complete"]:
            if not done:  # by now the new keys are active
                bar.update(task, completed=total - _persistent(api, "GET", "/v1/keys")["left"])
            else:
                bar.advance(task, step["children"])
            done += step["children"]
        found = _persistent(api, "GET", "/v1/keys")
    _show(caller, found | {"rotated": done})
    if found["left"]:
        raise Failure(ExitCode.REFUSED, f"{found['left']} children could not be made anew: intake's log says why.")


def _persistent(api: "Api", method: str, path: str) -> dict[str, Any]:
    """The answer, also when intake is away for a while: repeating a step does no harm."""
    from services.cli.client import persistently

    def call() -> dict[str, Any]:
        found: dict[str, Any] = api.get(path) if method == "GET" else api.send(method, path).json()
        return found

    return persistently(call, PATIENCE)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=paper(error=True), transient=True, disable=not sys.stderr.isatty())


def _show(caller: Caller, found: dict[str, Any]) -> None:
    left = f"{found['left']:,} of {found['children']:,} children are to be made anew: joldama keys rotate"
    told = left if found["left"] else f"All {found['children']:,} children are under the active keys."
    caller.show(found, lambda one: Group(_table(one["keys"]), Text(told)))


def _table(found: list[dict[str, Any]]) -> Any:
    return listing(
        f"Keys: {len(found)}",
        found,
        "kind version active configured uses",
        kind=lambda one: one["purpose"],
        active=lambda one: "yes" if one["active"] else "no",
        configured=lambda one: "yes" if one["configured"] else "no",
        uses=lambda one: f"{one['uses']:,}",
    )
