"""`joldama watch`: the live feed of places as a table that grows."""

import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.access import Identity
from services.cli.failures import Failure, say
from services.cli.network import Network, read_network
from services.cli.options import AsOption, OrgOption, TokenOption
from services.cli.places import RegionOption
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from httpx2 import ServerSentEvent

    from services.cli.render import Paper


def watch(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object an event.")] = False,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many events.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="ID", help="Begin after this event.")] = None,
    region: RegionOption = None,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Watch places being held, freed and handed over, live.

    A connection that breaks is resumed by itself, and no event is missed or shown twice. Ctrl-C ends it.

    Example: joldama watch --region KZ-75 --count 20
    """
    from services.cli.client import Api
    from services.cli.feed import follow, newest
    from services.cli.render import paper, print_json

    network = read_network()
    identity = Identity(token, role, org)
    with Api(network.url("capacity"), identity.bearer(network, Role.OPERATOR)) as api:
        told = follow(api, since or newest(api), _say_break)
        events = islice((event for event in told if _is_in(region, event)), count)
        if json:
            for event in events:
                print_json({"id": event.id, "event": event.event, "data": event.json()})
        else:
            _grow(paper(), _until_first(events), _center_names(network, identity))


def _until_first(events: Iterator["ServerSentEvent"]) -> Iterator["ServerSentEvent"]:
    """The events; on a terminal it says that it waits, and takes that back when the first comes."""
    if sys.stderr.isatty():
        print("waiting for events …", end="", file=sys.stderr, flush=True)
    try:
        first = next(events, None)
    finally:
        _clear_line()
    if first is not None:
        yield first
        yield from events


def _clear_line() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _say_break(last: str) -> None:
    _clear_line()
    say(f"joldama: the feed broke off; resuming after {last} ...")


def _is_in(region: str | None, event: "ServerSentEvent") -> bool:
    """Whether the event is about `region`; a joined queue names none."""
    data: Any = event.json()
    return region is None or event.event == "reset" or data.get("region_id") == region


_COLUMNS = (
    ("time", 8), ("what", 12), ("center", 48), ("modality", 10), ("free", 5), ("places", 6), ("waiting", 7), ("", 5),
)  # fmt: skip
_NUMBERS = ("free", "places", "waiting")
_STYLES = {"held": "cyan", "handed over": "magenta", "released": "green", "occupied": "blue", "queued": "yellow"}


def _grow(out: "Paper", events: Iterator["ServerSentEvent"], names: dict[str, str]) -> None:
    """Print a row as each event comes, with Kazakhstan's time: a table without an end has fixed widths."""
    from services.cli.render import ALMATY

    _row(out, [name for name, _ in _COLUMNS], "bold")
    for event in events:
        if event.event == "reset":
            say("joldama: some events are no longer kept and were missed; `joldama capacity` has the figures.")
            continue
        what = event.event.removesuffix(".v1").rpartition(".")[2].replace("_", " ")
        now = datetime.now(ALMATY).strftime("%H:%M:%S")
        _row(out, [now, what, *_cells(event.json(), names)], _STYLES.get(what, ""))


def _cells(data: Any, names: dict[str, str]) -> list[str]:
    if "places" not in data:
        return [", ".join(data.get("programme_ids", [])), "", "", "", "", ""]
    center = names.get(data["center_id"], data["center_id"])
    free = max(0, data["places"] - data["held"] - data["occupied"])
    stale = "stale" if data.get("stale") else ""
    return [center, data["modality"], str(free), str(data["places"]), str(data["waiting"]), stale]


def _row(out: "Paper", cells: list[str], style: str) -> None:
    padded = [
        _fit(cell, width).rjust(width) if name in _NUMBERS else _fit(cell, width).ljust(width)
        for cell, (name, width) in zip(cells, _COLUMNS, strict=True)
    ]
    out.print("  ".join(padded).rstrip(), style=style, markup=False, soft_wrap=True)


def _fit(cell: str, width: int) -> str:
    """`cell` in `width` characters, cut in the middle: the town stands at the end."""
    if len(cell) <= width:
        return cell
    end = width // 2
    return f"{cell[: width - 1 - end]}…{cell[len(cell) - end :]}"


def _center_names(network: Network, identity: Identity) -> dict[str, str]:
    """Names of the centers by id, as far as the referral service tells them now; ids do as well."""
    from services.cli.client import Api

    try:
        with Api(network.url("referral"), identity.bearer(network, Role.OPERATOR)) as api:
            return {one["id"]: one["name_en"] for one in api.pages("/v1/centers")}
    except Failure:
        return {}
