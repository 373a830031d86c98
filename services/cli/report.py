"""`joldama report`: all that is held of a child, and who looked, for its family."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure, Refused
from services.cli.render import table
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from services.cli.client import Api

ChildId = Annotated[UUID, typer.Argument(metavar="CHILD", help="The child's id, as `joldama referral` shows it.")]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write it for print into this new file, for you alone.")
]
_COUNTED = ("referrals", "consents", "corrections", "notes", "transfers", "stories", "audit_log")


@command
def report(caller: Caller, child: ChildId, html: HtmlOption = None) -> None:
    """Report all that is held of a child, and who looked: on the family's request.

    The record with consents, corrections, notes and transfers; what became of each referral; both audit logs.
    On a local network the command acts as an administrator; `--as polyclinic --org ID` is its polyclinic.

    Example: joldama report 019a2b3c-0000-7000-8000-00000000000a --html report.html
    """
    if html and html.exists():
        raise Failure(ExitCode.USAGE, f"{html} is there already: name a new file.")
    with caller.api("intake", Role.ADMIN) as intake, caller.api("referral", Role.ADMIN) as referral:
        found = gather(intake, referral, child)
    if html:
        from services.cli.report_html import page

        _write(html, page(found))
    if html and not caller.json:
        return caller.show(found, lambda _: f"The report is in {html}: only you may read the file")
    counts = [(name.replace("_", " "), len(found[name])) for name in _COUNTED]
    title = f"Report on child {found['child_id']}; --html FILE has it for print, --json all of it"
    caller.show(found, lambda _: table(title, ("", "entries"), counts))


def gather(intake: "Api", referral: "Api", child: UUID) -> dict[str, Any]:
    """What both services hold; entries of both audit logs in the order of time."""
    held = intake.get(f"/v1/children/{child}/report")
    ids = [one["referral_id"] for one in held["referrals"]]
    stories = [story for id in ids if (story := _story(referral, id))]
    entries = [{"service": "intake"} | one for one in held.pop("audit_log")]
    entries += [{"service": "referral"} | one for story in stories for one in _entries(referral, story["id"])]
    unique = {(one["service"], one["sequence"]): one for one in entries}  # an entry may be about two referrals
    consents = [
        {"referral_id": one["referral_id"], **(one.get("consent") or {}), "withdrawn_at": one["consent_withdrawn_at"]}
        for one in held["referrals"]
        if one.get("consent") or one["consent_withdrawn_at"]
    ]
    made_at = {"made_at": datetime.now(UTC).isoformat(timespec="seconds")}
    log = sorted(unique.values(), key=lambda one: datetime.fromisoformat(one["at"]))
    found: dict[str, Any] = held | made_at | {"consents": consents, "stories": stories, "audit_log": log}
    return found


def _story(referral: "Api", id: str) -> dict[str, Any] | None:
    """None while it is not routed yet."""
    try:
        story: dict[str, Any] = referral.get(f"/v1/referrals/{id}")
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
    return story


def _entries(referral: "Api", id: str) -> Iterator[dict[str, Any]]:
    return referral.pages(f"/v1/referrals/{id}/audit-log", limit=500)


def _write(file: Path, text: str) -> None:
    """A new file that its owner alone reads; raises OSError."""
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as stream:
        stream.write(text)
