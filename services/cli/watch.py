"""`joldama watch`: the live feed of places as a table that grows."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.access import Identity
from services.cli.failures import Failure, no_network, say
from services.cli.network import Network, read_network
from services.cli.options import AsOption, OrgOption, TokenOption
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from services.cli.render import Paper


def watch(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object an event.")] = False,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many events.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="ID", help="Begin after this event.")] = None,
    region: Annotated[str | None, typer.Option("--region", help="This region's programmes only.")] = None,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Watch places being held, freed and handed over, live.

    A connection that breaks is resumed by itself, and no event is missed or shown twice. Ctrl-C ends it.

    Example: joldama watch --region KZ-75 --count 20
    """
    import httpx2

    from services.cli.client import Api
    from services.cli.feed import follow
    from services.cli.render import paper, print_json

    network = read_network()
    identity = Identity(token, role, org)
    params = {"region": region} if region else {}
    with Api(network.url("capacity"), identity.bearer(network, Role.OPERATOR)) as api:
        events = islice(follow(api, since, _say_break, params), count)
        try:
            if json:
                for event in events:
                    print_json({"id": event.id, "event": event.event, "data": event.json()})
            else:
                _grow(paper(), events, _center_names(network, identity))
        except httpx2.TransportError:
            raise no_network(f"Nobody answers at {api.url}.") from None


def _say_break(last: str | None) -> None:
    say(f"joldama: the feed broke off; resuming after {last or 'now'} ...")


_COLUMNS = (("time", 8), ("what", 12), ("center", 44), ("modality", 10), ("free", 5), ("places", 6), ("waiting", 7))
_STYLES = {"held": "cyan", "handed over": "magenta", "released": "green", "occupied": "blue", "queued": "yellow"}


def _grow(out: "Paper", events: Iterator[Any], names: dict[str, str]) -> None:
    """Print a row as each event comes: a table without an end has fixed widths."""
    _row(out, [name for name, _ in _COLUMNS], "bold")
    for event in events:
        data = event.json()
        what = _what(event.event, data)
        center = str(data.get("center_id", ""))
        _row(
            out,
            [
                _clock(event.id),
                what,
                names.get(center, center) or ", ".join(data.get("programme_ids", [])),
                str(data.get("modality", "")),
                str(data.get("free", "")),
                str(data.get("places", "")),
                str(data.get("waiting", "")),
            ],
            _STYLES.get(what, ""),
        )


def _row(out: "Paper", cells: list[str], style: str) -> None:
    numbers = ("free", "places", "waiting")
    padded = [
        cell[:width].rjust(width) if name in numbers else cell[:width].ljust(width)
        for cell, (name, width) in zip(cells, _COLUMNS, strict=True)
    ]
    out.print("  ".join(padded).rstrip(), style=style, markup=False, soft_wrap=True)


def _what(kind: str, data: dict[str, Any]) -> str:
    """`kz.joldama.place.handed_over.v1` is "handed over"."""
    words = str(data.get("type") or kind).removesuffix(".v1").split(".")
    return words[-1].replace("_", " ")


def _clock(id: str) -> str:
    """The time of day of a stream id, which begins with milliseconds since 1970."""
    from datetime import UTC, datetime

    milliseconds = id.partition("-")[0]
    if not milliseconds.isdigit():
        return ""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).astimezone().strftime("%H:%M:%S")


def _center_names(network: Network, identity: Identity) -> dict[str, str]:
    """Names of the centers by id, as far as the referral service tells them now; ids do as well."""
    from services.cli.client import Api

    try:
        with Api(network.url("referral"), identity.bearer(network, Role.OPERATOR)) as api:
            return {one["id"]: one["name_en"] for one in api.pages("/v1/centers", limit=1000)}
    except (Failure, KeyError, TypeError):
        return {}
