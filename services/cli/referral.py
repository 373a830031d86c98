"""`joldama referral`: where a child was sent, and why."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from services.cli.actions import ReferralId
from services.cli.caller import Caller, command
from services.cli.queues import opened, queues
from services.cli.reference import settlement_name
from services.cli.render import listing, moment, spaced, state, table
from services.cli.why import candidates, center_of, left_out


@command
def referral(caller: Caller, id: ReferralId) -> None:
    """Show a referral and why this center: the candidates by distance, the excluded programmes, offers and history.

    While the child waits: the position in each queue, with an estimated date and how it was computed.
    Exit code 5 when there is no such referral, or not yet: routing a submission takes a moment.

    Example: joldama referral 019a2b3c-0000-7000-8000-000000000001
    """
    with caller.api("referral") as api:
        found = api.get(f"/v1/referrals/{id}")
    caller.show(found, lambda found: Group(*(Group(block, "") for block in _story(found))))


def _story(found: dict[str, Any]) -> Iterator[RenderableType]:
    """The parts of the output: facts, decision, queues while the child waits, offers, history."""
    yield Group(Text.assemble("Referral ", (str(found["id"]), "bold"), ": ", state(found["state"])), _facts(found))
    if decision := found.get("decision"):
        yield candidates(decision, found["state"])
        if any(decision.get("excluded", {}).values()):
            yield left_out(decision["excluded"])
    yield from filter(None, (opened(found), queues(found)))
    if offers := found.get("offers"):
        columns = "attempt center km=kilometers state reason made=made_at answered"
        yield listing("Offers", offers, columns, center=center_of, reason=_reason, answered=_answered)
    yield listing("History", found.get("history", []), "at actor command state detail", **_STEP)


def _facts(found: dict[str, Any]) -> RenderableType:
    limit = found.get("max_distance_km")
    facts = {
        "center": _center(found),
        "programme": found.get("programme_id"),
        "priority": found.get("priority"),
        "diagnosis": found.get("icd10"),
        "asked for": ", ".join(found.get("modalities", [])) + (f", at most {limit:g} km away" if limit else ""),
        "home": settlement_name(found.get("settlement_id")),
        "child": found.get("child_id"),
        "polyclinic": found.get("polyclinic_id"),
        "submitted": moment(found.get("submitted_at")),
        "owner": found.get("owner"),
        "deadline": moment(found.get("deadline_at")),
        "admit on": found.get("admit_on"),
        "admitted": moment(found.get("admitted_at")),
        "corrected": moment(found.get("changed_at")),
        "needs help": spaced(found.get("escalation")),
        "allowed now": ", ".join(found.get("allowed_actions", [])),
    }
    return table("", ("", ""), [(name, value) for name, value in facts.items() if value])


def _center(found: dict[str, Any]) -> str | None:
    """The referral's center, with its name when an offer has it."""
    id: str | None = found.get("center_id")
    names = {one["center_id"]: one.get("center_name") for one in found.get("offers", [])}
    return f"{names[id]} ({id})" if id and names.get(id) not in (None, id) else id


def _reason(offer: dict[str, Any]) -> str | None:
    """Why it ended; of one that expired, from when on its center is asked again even if it answers nothing."""
    if until := offer.get("passed_over_until"):
        return f"asked again from {moment(until)}"
    reason: str | None = offer.get("reason")
    return reason


def _answered(offer: dict[str, Any]) -> str:
    return moment(offer.get("answered_at")) or f"due {moment(offer.get('answer_by'))}"


_STEP: dict[str, Callable[[Any], object]] = {
    "at": lambda one: moment(one["at"]),
    "state": lambda one: Text.assemble(state(one["from_state"]), " → ", state(one["to_state"])),
    "detail": lambda one: ": ".join(
        filter(None, (one.get("reason"), one.get("detail"), "a note" if one.get("note_id") else None))
    ),
}
