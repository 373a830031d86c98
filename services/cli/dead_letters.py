"""`joldama dead-letters`: what no service could take, and what becomes of it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from services.cli.access import Identity
from services.cli.failures import ExitCode, Failure
from services.cli.network import read_network
from services.cli.options import AsOption, JsonOption, TokenOption
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from services.cli.client import Api

SERVICES = ("referral", "intake")
"""Those that consume events, and so may have dead letters."""
LOOK_EVERY = 0.3
"""Seconds between two looks at what became of a retry."""

app = typer.Typer(
    name="dead-letters",
    help="What no service could take: list, show, retry, discard.\n\nExample: joldama dead-letters list",
    no_args_is_help=True,
)


class State(StrEnum):
    OPEN = "open"
    RETRYING = "retrying"
    SETTLED = "settled"
    DISCARDED = "discarded"


LetterId = Annotated[UUID, typer.Argument(metavar="ID", help="The dead letter's id.", show_default=False)]
LetterIds = Annotated[list[UUID] | None, typer.Argument(metavar="ID", help="Their ids.", show_default=False)]


@app.command("list")
def list_letters(
    state: Annotated[State, typer.Option("--state", help="In this state.")] = State.OPEN,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
) -> None:
    """List the dead letters of all services, the oldest first, each with the reason why it could not be taken.

    Example: joldama dead-letters list --json | jq -r '.[].reason' | sort | uniq -c
    """
    from services.cli.render import paper, print_json

    with _services(token, role) as apis:
        found = _all(apis, state)
    if json:
        return print_json(found)
    paper().print(_table(f"{len(found)} {state.value} dead letters", found))


@app.command()
def show(id: LetterId, json: JsonOption = False, token: TokenOption = None, role: AsOption = None) -> None:
    """Show a dead letter: where it lay, why it could not be taken, what it says, and what may be done.

    Example: joldama dead-letters show 019a2b3c-0000-7000-8000-000000000001
    """
    from services.cli.render import paper, print_json, table

    with _services(token, role) as apis:
        letter = _find(apis, id)
    if json:
        return print_json(letter)
    paper().print(table("", ("", ""), _lines(letter)))


@app.command()
def retry(
    ids: LetterIds = None,
    every: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for what comes of it.")] = 10,
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
) -> None:
    """Have dead letters tried again, once their cause is mended. Repeating it does no harm: no effect comes twice.

    Exit code 1 when one was refused again.

    Example: joldama dead-letters retry --all
    """
    if bool(ids) == every:
        raise Failure(ExitCode.USAGE, "Which ones? Name their ids, or say --all.")
    with _services(token, role) as apis:
        chosen = _all(apis, State.OPEN) if every else [_find(apis, one) for one in ids or ()]
        asked = [_post(apis, one, "retry", None) for one in chosen]
        _tell(came := _await(apis, asked, wait), json)
    if any(one["state"] == State.OPEN for one in came):
        raise typer.Exit(ExitCode.REFUSED)


@app.command()
def discard(
    ids: Annotated[list[UUID], typer.Argument(metavar="ID", help="Their ids.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why, in own words; no name and no phone in it.")] = "",
    json: JsonOption = False,
    token: TokenOption = None,
    role: AsOption = None,
) -> None:
    """Decide that dead letters shall have no effect, and say why. They can still be retried later.

    Example: joldama dead-letters discard 019a2b3c-0000-7000-8000-000000000001 --reason "a test of ours"
    """
    if not reason.strip():
        raise Failure(ExitCode.USAGE, "--reason TEXT is needed: why shall it have no effect?")
    with _services(token, role) as apis:
        chosen = [_find(apis, one) for one in ids]
        _tell([_post(apis, one, "discard", {"reason": reason}) for one in chosen], json)


@contextmanager
def _services(token: str | None, role: Role | None) -> "Iterator[dict[str, Api]]":
    from services.cli.client import Api

    network = read_network()
    bearer = Identity(token, role, None).bearer(network, Role.OPERATOR)
    with ExitStack() as stack:
        yield {name: stack.enter_context(Api(network.url(name), bearer)) for name in SERVICES}


def _of(service: str, letter: dict[str, Any]) -> dict[str, Any]:
    return {"service": service} | letter


def _all(apis: "dict[str, Api]", state: State) -> list[dict[str, Any]]:
    path = "/v1/dead-letters"
    found = [_of(name, one) for name, api in apis.items() for one in api.pages(path, state=state.value)]
    return sorted(found, key=lambda one: str(one["first_at"]))


def _find(apis: "dict[str, Api]", id: object) -> dict[str, Any]:
    """The letter, from whichever service has it."""
    from services.cli.client import Refused

    for name, api in apis.items():
        try:
            return _of(name, api.get(f"/v1/dead-letters/{id}"))
        except Refused as refused:
            if refused.status != 404:
                raise
    raise Failure(ExitCode.NOT_FOUND, f"No service has a dead letter {id}: see `joldama dead-letters list`.")


def _post(apis: "dict[str, Api]", letter: dict[str, Any], action: str, body: Any) -> dict[str, Any]:
    path = f"/v1/dead-letters/{letter['id']}/{action}"
    return _of(letter["service"], apis[letter["service"]].post(path, body))


def _await(apis: "dict[str, Api]", letters: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """The letters as they are when none is being tried any more, or so many seconds later."""
    until = time.monotonic() + seconds
    while any(one["state"] == State.RETRYING for one in letters) and time.monotonic() < until:
        time.sleep(LOOK_EVERY)
        letters = [_find(apis, one["id"]) if one["state"] == State.RETRYING else one for one in letters]
    return letters


def _tell(letters: list[dict[str, Any]], json: bool) -> None:
    from services.cli.render import paper, print_json

    if json:
        return print_json(letters)
    paper().print(_table(f"{len(letters)} dead letters", letters) if letters else "There is none.")


def _table(title: str, letters: list[dict[str, Any]]) -> Any:
    from services.cli.render import moment, state, table

    rows = [
        (one["id"], one["service"], one["topic"], one["key"], moment(one["last_at"]), one["times"], state(one["state"]),
         one["reason"])
        for one in letters
    ]  # fmt: skip
    return table(
        title, ("dead letter", "service", "topic", "key", "last", "times", "state", "reason"), rows, ("times",)
    )


def _lines(letter: dict[str, Any]) -> Iterator[tuple[str, object]]:
    from services.cli.render import moment, state

    event, key, value = (letter[name] for name in ("event", "message_key", "message_value"))
    yield "state", state(letter["state"])
    yield "reason", letter["reason"]
    yield "service", f"{letter['service']} ({letter['consumer']})"
    yield "lay at", f"{letter['topic']}, partition {letter['partition']}, offset {letter['offset']}"
    yield "failed", f"{letter['times']} times, from {moment(letter['first_at'])} to {moment(letter['last_at'])}"
    if letter["decided_by"]:
        note = f": {letter['note']}" if letter["note"] else ""
        yield "decided", f"by {letter['decided_by']} at {moment(letter['decided_at'])}{note}"
    if event:
        yield "event", f"{event['type']} of {event['subject']}"
    for name, content in (("key", key), ("value", value)):
        left_out = f"not kept ({letter['size']:,} bytes)" if letter["size"] else "none"
        yield name, left_out if content is None else f"{content['data']}{' (base64)' * (content['encoding'] != 'text')}"
    yield "may be", " or ".join({"retry": "retried", "discard": "discarded"}[one] for one in letter["allowed_actions"])
