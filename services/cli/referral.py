"""`joldama referral`: where a child was sent, and why there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from services.cli.access import Identity
from services.cli.forecast import turns
from services.cli.network import read_network
from services.cli.options import AsOption, JsonOption, OrgOption, TokenOption
from services.cli.reference import settlement_name
from services.cli.why import candidates, left_out
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from rich.console import RenderableType

ReferralId = Annotated[UUID, typer.Argument(metavar="ID", help="The referral's id.", show_default=False)]


def referral(
    id: ReferralId,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Show a referral and why this center: who came first and how far, who was left out, all offers and steps;
    and while it waits, its turn in each queue with an estimated date.

    Exit code 5 when there is no such referral, or not yet: a submission needs a moment to be routed.

    Example: joldama referral 019a2b3c-0000-7000-8000-000000000001
    """
    from services.cli.client import Api
    from services.cli.render import paper, print_json

    network = read_network()
    with Api(network.url("referral"), Identity(token, role, org).bearer(network, Role.OPERATOR)) as api:
        found = api.get(f"/v1/referrals/{id}")
    if json:
        return print_json(found)
    out = paper()
    for block in story(found):
        out.print(block)
        out.print()


def story(found: dict[str, Any]) -> Iterator["RenderableType"]:
    """The blocks that tell a referral: what it is, the decision, its turn while it waits, offers, history."""
    yield _head(found)
    decision = found.get("decision")
    if decision:
        yield candidates(decision, found["state"])
        if any(decision.get("excluded", {}).values()):
            yield left_out(decision["excluded"])
    if queues := turns(found):
        yield queues
    if found.get("offers"):
        yield _offers(found["offers"])
    yield _history(found.get("history", []))


def _head(found: dict[str, Any]) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from services.cli.render import moment, state, table

    title = Text.assemble("Referral ", (str(found["id"]), "bold"), ": ", state(found["state"]))
    limit = found.get("max_distance_km")
    facts = {
        "center": _center(found),
        "programme": found.get("programme_id"),
        "priority": found.get("priority"),
        "diagnosis": found.get("icd10"),
        "asked for": ", ".join(found.get("modalities", [])) + (f", at most {limit:g} km away" if limit else ""),
        "home": settlement_name(found.get("settlement_id")),
        "polyclinic": found.get("polyclinic_id"),
        "submitted": moment(found.get("submitted_at")),
        "owner": found.get("owner"),
        "deadline": moment(found.get("deadline_at")),
        "admit on": found.get("admit_on"),
        "admitted": moment(found.get("admitted_at")),
        "needs help": (found.get("escalation") or "").replace("_", " "),
        "allowed now": ", ".join(found.get("allowed_actions", [])),
    }
    return Group(title, table("", ("", ""), [(name, value) for name, value in facts.items() if value]))


def _center(found: dict[str, Any]) -> str | None:
    """The center that has the child, by name where an offer tells it."""
    id: str | None = found.get("center_id")
    names = {one["center_id"]: one.get("center_name") for one in found.get("offers", [])}
    return f"{names[id]} ({id})" if id and names.get(id) not in (None, id) else id


def _offers(offers: list[dict[str, Any]]) -> "RenderableType":
    from services.cli.render import kilometers, moment, state, table

    rows = [
        (
            one["attempt"],
            one.get("center_name") or one["center_id"],
            kilometers(one.get("kilometers")),
            state(one["state"]),
            one.get("reason"),
            moment(one.get("made_at")),
            moment(one.get("answered_at")) or f"due {moment(one.get('answer_by'))}",
        )
        for one in offers
    ]
    return table("Offers", ("attempt", "center", "km", "state", "reason", "made", "answered"), rows, _NUMBERS)


def _history(steps: list[dict[str, Any]]) -> "RenderableType":
    from rich.text import Text

    from services.cli.render import moment, state, table

    rows = [
        (
            moment(one["at"]),
            one["actor"],
            one["command"],
            Text.assemble(state(one["from_state"]), " → ", state(one["to_state"])),
            ": ".join(filter(None, (one.get("reason"), one.get("note")))),
        )
        for one in steps
    ]
    return table("History", ("at", "actor", "command", "state", "detail"), rows)


_NUMBERS = ("km", "attempt")
