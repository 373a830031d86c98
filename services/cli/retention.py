"""`joldama retention`: what is kept for how long, what is due, and what was swept."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.caller import Caller, command
from services.cli.render import listing
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from services.cli.client import Api

SERVICES = ("intake", "referral")
SweepOption = Annotated[bool, typer.Option("--sweep", help="Delete now what is due: there is no way back.")]


@command
def retention(caller: Caller, sweep: SweepOption = False) -> None:
    """Show what is deleted after which time, how much is due, and how much was swept.

    Each service sweeps by itself every hour. On a local network the command acts as an operator, with --sweep as an
    administrator.

    Example: joldama retention --sweep
    """
    found: list[dict[str, Any]] = []
    for service in SERVICES:
        with caller.api(service, Role.ADMIN if sweep else Role.OPERATOR) as api:
            now = _sweep(api) if sweep else {}
            items = api.get("/v1/retention")["items"]
        found += [{"service": service} | one | ({"now": now.get(one["what"], 0)} if sweep else {}) for one in items]
    columns = "service what kept due swept last=swept_at" + (" now" if sweep else "")
    caller.show(found, lambda _: listing("Retention", found, columns, kept=_kept))


def _sweep(api: "Api") -> Counter[str]:
    swept, step = Counter[str](), api.post("/v1/retention/sweep", None)
    swept.update(step["swept"])
    while cursor := step["next"]:
        step = api.post(f"/v1/retention/sweep?cursor={cursor}", None)
        swept.update(step["swept"])
    return swept


def _kept(one: dict[str, Any]) -> str:
    return f"{one['keep_days']:,} days" if one["keep_days"] else "for ever"
