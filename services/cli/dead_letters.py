"""`joldama dead-letters`: lists, shows, retries and discards dead letters."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure, Refused
from services.cli.render import listing, moment, state, table

if TYPE_CHECKING:
    from services.cli.client import Api

SERVICES = ("referral",)
"""The services that consume events, and so may have dead letters."""
POLL_EVERY = 0.3
"""Seconds."""
PATH = "/v1/dead-letters"
DeadLetter = dict[str, Any]

dead_letters = typer.Typer(
    name="dead-letters",
    help="Messages that no service could process: list, show, retry, discard.\n\nExample: joldama dead-letters list",
    no_args_is_help=True,
    add_completion=False,
)


class State(StrEnum):
    OPEN = "open"
    RETRYING = "retrying"
    SETTLED = "settled"
    DISCARDED = "discarded"


@dead_letters.command("list")
@command
def list_dead_letters(
    caller: Caller, state: Annotated[State, typer.Option(help="In this state.")] = State.OPEN
) -> None:
    """List the dead letters of all services, the oldest first, each with the reason why it could not be processed.

    Example: joldama dead-letters list --json | jq -r '.[].reason' | sort | uniq -c
    """
    with _services(caller) as apis:
        found = _all(apis, state)
    _show(caller, found, f"{len(found)} {state.value} dead letters")


@dead_letters.command()
@command
def show(caller: Caller, id: Annotated[UUID, typer.Argument(metavar="ID", help="The dead letter's id.")]) -> None:
    """Show a dead letter: its topic and offset, the reason, the message, and the allowed actions.

    Example: joldama dead-letters show 019a2b3c-0000-7000-8000-000000000001
    """
    with _services(caller) as apis:
        found = _find(apis, id)
    caller.show(found, lambda found: table("", ("", ""), _facts(found)))


@dead_letters.command()
@command
def retry(
    caller: Caller,
    ids: Annotated[list[UUID] | None, typer.Argument(metavar="ID", help="Their ids.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the results.")] = 10,
) -> None:
    """Process dead letters again, once their cause is repaired. Repeating does no harm: no message has an effect twice.

    Exit code 1 when one has failed again.

    Example: joldama dead-letters retry --all
    """
    if bool(ids) == every:
        raise Failure(ExitCode.USAGE, "Which ones? Name their ids, or say --all.")
    with _services(caller) as apis:
        chosen = _all(apis, State.OPEN) if every else [_find(apis, one) for one in ids or ()]
        asked = [_post(apis, one, "retry", None) for one in chosen]
        found = _wait(apis, asked, wait)
    _show(caller, found, f"{len(found)} dead letters" if found else "There is none.")
    if any(one["state"] == State.OPEN for one in found):
        raise typer.Exit(ExitCode.REFUSED)


@dead_letters.command()
@command
def discard(
    caller: Caller,
    ids: Annotated[list[UUID], typer.Argument(metavar="ID", help="Their ids.")],
    reason: Annotated[str, typer.Option(help="Why, in own words; no name and no phone in it.")] = "",
) -> None:
    """Decide that dead letters shall have no effect, with a reason. They can still be retried later.

    Example: joldama dead-letters discard 019a2b3c-0000-7000-8000-000000000001 --reason "a test of ours"
    """
    if not reason.strip():
        raise Failure(ExitCode.USAGE, "--reason TEXT is needed: why shall it have no effect?")
    with _services(caller) as apis:
        found = [_post(apis, one, "discard", {"reason": reason}) for one in [_find(apis, one) for one in ids]]
    _show(caller, found, f"{len(found)} dead letters")


@contextmanager
def _services(caller: Caller) -> "Iterator[dict[str, Api]]":
    with ExitStack() as stack:
        yield {name: stack.enter_context(caller.api(name)) for name in SERVICES}


def _all(apis: "dict[str, Api]", state: State) -> list[DeadLetter]:
    found = [{"service": name, **one} for name, api in apis.items() for one in api.pages(PATH, state=state.value)]
    return sorted(found, key=lambda one: str(one["first_at"]))


def _find(apis: "dict[str, Api]", id: object) -> DeadLetter:
    """The dead letter, from the service that has it. Raises Failure when none has."""
    for name, api in apis.items():
        try:
            return {"service": name, **api.get(f"{PATH}/{id}")}
        except Refused as refused:
            if refused.status != 404:
                raise
    raise Failure(ExitCode.NOT_FOUND, f"No service has a dead letter {id}: see `joldama dead-letters list`.")


def _post(apis: "dict[str, Api]", one: DeadLetter, action: str, body: Any) -> DeadLetter:
    service = one["service"]
    return {"service": service, **apis[service].post(f"{PATH}/{one['id']}/{action}", body)}


def _wait(apis: "dict[str, Api]", found: list[DeadLetter], seconds: float) -> list[DeadLetter]:
    """The dead letters when none is being retried any more, at most `seconds` later."""
    until = time.monotonic() + seconds
    while any(one["state"] == State.RETRYING for one in found) and time.monotonic() < until:
        time.sleep(POLL_EVERY)
        found = [_find(apis, one["id"]) if one["state"] == State.RETRYING else one for one in found]
    return found


def _show(caller: Caller, found: list[DeadLetter], title: str) -> None:
    columns = "dead_letter=id service topic key last=last_at times state reason"
    caller.show(found, lambda found: listing(title, found, columns) if found else title)


def _facts(found: DeadLetter) -> Iterator[tuple[str, object]]:
    yield "state", state(found["state"])
    yield "reason", found["reason"]
    yield "service", f"{found['service']} ({found['consumer']})"
    yield "from", f"{found['topic']}, partition {found['partition']}, offset {found['offset']}"
    yield "failed", f"{found['times']} times, from {moment(found['first_at'])} to {moment(found['last_at'])}"
    if found["decided_by"]:
        note = f": {found['note']}" if found["note"] else ""
        yield "decided", f"by {found['decided_by']} at {moment(found['decided_at'])}{note}"
    if event := found["event"]:
        yield "event", f"{event['type']} of {event['subject']}"
    for name in ("key", "value"):
        content = found[f"message_{name}"]
        left_out = f"not kept ({found['size']:,} bytes)" if found["size"] else "none"
        yield name, left_out if content is None else f"{content['data']}{' (base64)' * (content['encoding'] != 'text')}"
    yield "may be", " or ".join({"retry": "retried", "discard": "discarded"}[one] for one in found["allowed_actions"])
