"""`joldama audit`: comparing capacity with the record of referrals."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode
from services.cli.render import listing

SECONDS = 180
"""An audit waits for changes on their way; a repair audits twice."""
RepairOption = Annotated[
    bool, typer.Option("--repair", help="Where they differ, change capacity to the record, and list the changes.")
]


@command
def audit(caller: Caller, repair: RepairOption = False) -> None:
    """Compare capacity with the record of referrals, programme by programme and claim by claim, during operation.

    Exit code 1 when they differ (with --repair: when they still do).

    Example: joldama audit --json | jq '.differences[]'
    """
    with caller.api("referral", seconds=SECONDS) as api:
        found = api.post("/v1/audit/repair", None) if repair else {"audit": api.get("/v1/audit")}
    report = found["audit"]
    caller.show(found if repair else report, lambda _: Group(*_blocks(report, found)))
    if report["differences"]:
        raise typer.Exit(ExitCode.REFUSED)


def _blocks(report: dict[str, Any], found: dict[str, Any]) -> Iterator[RenderableType]:
    if found.get("epoch"):
        yield _differences("Repaired", found["changed"])
    if report["differences"]:
        yield _differences("Record and capacity differ", report["differences"])
    else:
        counts = report["programmes"], report["referrals"], report["claims"]
        compared = "{} programmes, {:,} open referrals, {:,} claims".format(*counts)
        yield Text(f"Every place is accounted for: {compared}.")
    if report["unsettled"]:
        yield Text(f"{report['unsettled']} further differences may pass by themselves and were not counted: ask again.")


def _differences(title: str, found: list[dict[str, Any]]) -> RenderableType:
    return listing(
        f"{title}: {len(found)}",
        found,
        "kind of record capacity",
        of=lambda one: one["referral_id"] or one["programme_id"],
        record=lambda one: _side(one["record"]),
        capacity=lambda one: _side(one["capacity"]),
    )


def _side(side: dict[str, Any] | None) -> str:
    return "nothing" if side is None else ", ".join(f"{name} {value}" for name, value in side.items())
