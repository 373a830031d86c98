"""`joldama audit`: is every place accounted for?"""

from typing import Annotated, Any

import typer

from services.cli.access import Identity
from services.cli.network import read_network
from services.cli.options import AsOption, JsonOption, TokenOption
from services.contracts.vocabulary import Role

SECONDS = 180
"""An audit waits for what is on its way; a repair audits twice."""
RepairOption = Annotated[
    bool, typer.Option("--repair", help="Make capacity what the record says, when the two differ; says what changed.")
]


def audit(
    repair: RepairOption = False, json: JsonOption = False, token: TokenOption = None, role: AsOption = None
) -> None:
    """Hold capacity against the referrals' record, programme by programme and claim by claim, while traffic flows.

    Exit code 1 when the two differ (with --repair: when they still do).

    Example: joldama audit --json | jq '.differences[]'
    """
    import httpx2

    from services.cli.client import Api
    from services.cli.render import print_json

    network = read_network()
    with Api(network.url("referral"), Identity(token, role, None).bearer(network, Role.OPERATOR)) as api:
        api.http.timeout = httpx2.Timeout(SECONDS, connect=5)
        found = api.post("/v1/audit/repair", None) if repair else api.get("/v1/audit")
    report = found["audit"] if repair else found
    if json:
        print_json(found)
    else:
        _print(report, found if repair else None)
    if report["differences"]:
        raise typer.Exit(1)


def _print(report: dict[str, Any], mended: dict[str, Any] | None) -> None:
    from services.cli.render import paper

    if mended is not None and mended["epoch"]:
        _print_differences("Mended", mended["changed"])
    compared = f"{report['programmes']} programmes, {report['referrals']:,} open referrals, {report['claims']:,} claims"
    if report["differences"]:
        _print_differences("Record and capacity differ", report["differences"])
    else:
        paper().print(f"Every place is accounted for: {compared}.")
    if report["unsettled"]:
        paper().print(f"{report['unsettled']} may still be on their way and were not counted: ask again.")


def _print_differences(title: str, differences: list[dict[str, Any]]) -> None:
    from services.cli.render import paper, table

    rows = [
        (one["kind"], one["referral_id"] or one["programme_id"], _words(one["record"]), _words(one["capacity"]))
        for one in differences
    ]
    paper().print(table(f"{title}: {len(rows)}", ("kind", "of", "record", "capacity"), rows))


def _words(side: dict[str, Any] | None) -> str:
    return "nothing" if side is None else ", ".join(f"{name} {value}" for name, value in side.items())
