"""`joldama watch`: the live feed of places as a growing table."""

import signal
from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.caller import Caller, command
from services.cli.failures import Failure, say
from services.cli.names import region_id
from services.cli.places import RegionOption, center_names
from services.cli.render import Paper, paper, print_json
from services.contracts.days import ALMATY

if TYPE_CHECKING:
    from httpx2 import ServerSentEvent

_ROW = "{:8}  {:12}  {:{width}}  {:10}  {:>5}  {:>6}  {:>7}  {}"
"""Fixed widths, because the table has no end."""
_NARROW_ROW = "{0:8} {1:11} {3:10} {4:>5} {5:>6} {6:>7} {7}\n         {2}"
"""For 60 characters, with the center on a line of its own."""
_CENTER_WIDTH, _LEAST_CENTER_WIDTH = 48, 24
_OTHERS = len(_ROW.format("", "", "", "", "", "", "", "stale", width=0))
_STYLES = {"held": "cyan", "handed over": "magenta", "released": "green", "occupied": "blue", "queued": "yellow"}


@command
def watch(
    caller: Caller,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object an event.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many events.")] = None,
    since: Annotated[str | None, typer.Option(metavar="ID", help="Begin after this event.")] = None,
    region: RegionOption = None,
) -> None:
    """Watch places being held, freed and handed over, live.

    A broken connection is resumed, also when the token has ended and there is a new one (on a local network, or in
    --token @FILE), and no event is missed or shown twice. Ctrl-C ends the command.

    Example: joldama watch --region KZ-75 --count 20
    """
    from services.cli.feed import follow, newest

    region = region_id(region)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's shell starts `watch &` with it ignored
    with caller.api("capacity") as api:
        if region:
            api.get("/v1/capacity", region=region, limit=1)  # the feed itself knows no filter: is there such a region?
        broke = "joldama: the feed broke off; resuming after {} ..."
        every = follow(api, since or newest(api), lambda last: say(broke.format(last)))
        events = islice((event for event in every if _is_in(region, event)), count)
        if json:
            for event in events:
                print_json({"id": event.id, "event": event.event, "data": event.json()})
        else:
            _grow(paper(), events, _names(caller))


def _is_in(region: str | None, event: "ServerSentEvent") -> bool:
    """Whether the event is about `region`. An event of a child who joins queues names no region."""
    data: Any = event.json()
    return region is None or event.event == "reset" or data.get("region_id") == region


def _grow(out: Paper, events: "Iterator[ServerSentEvent]", names: dict[str, str]) -> None:
    """Print a row as each event comes, with Kazakhstan's time."""
    width = min(_CENTER_WIDTH, out.width - _OTHERS)
    _print_row(out, width, "bold", "time", "what", "center", "modality", "free", "places", "waiting", "")
    with paper(error=True).status("waiting for events ...", spinner="line"):
        first = list(islice(events, 1))
    for event in chain(first, events):
        if event.event == "reset":
            say("joldama: some events are no longer kept and were missed; `joldama capacity` has the figures.")
            continue
        what = event.event.removesuffix(".v1").rpartition(".")[2].replace("_", " ")
        now = datetime.now(ALMATY).strftime("%H:%M:%S")
        _print_row(out, width, _STYLES.get(what, ""), now, what, *_cells(event.json(), names))


def _cells(data: Any, names: dict[str, str]) -> list[object]:
    if "places" not in data:
        return [", ".join(data.get("programme_ids", [])), "", "", "", "", ""]
    center = names.get(data["center_id"], data["center_id"])
    free = max(0, data["places"] - data["held"] - data["occupied"])
    return [center, data["modality"], free, data["places"], data["waiting"], "stale" if data.get("stale") else ""]


def _print_row(out: Paper, width: int, style: str, time: str, what: str, center: Any, *cells: object) -> None:
    """Print a row whose center has `width` characters, or a line of its own when these are too few."""
    if width < _LEAST_CENTER_WIDTH:
        row = _NARROW_ROW.format(time, what, _fit(center, out.width - 9), *cells)
    else:
        row = _ROW.format(time, what, _fit(center, width), *cells, width=width)
    out.print("\n".join(line.rstrip() for line in row.split("\n")), style=style, markup=False, soft_wrap=True)


def _fit(center: str, width: int) -> str:
    """A name of at most `width` characters, cut in the middle, because the town is at its end."""
    end = width // 2
    return f"{center[: width - 1 - end]}…{center[-end:]}" if len(center) > width else center


def _names(caller: Caller) -> dict[str, str]:
    """The names of the centers; empty while the referral service does not answer."""
    try:
        with caller.api("referral") as api:
            return center_names(api)
    except Failure:
        return {}
