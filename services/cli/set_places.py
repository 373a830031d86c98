"""`joldama set-places`: sets, confirms, suspends or resumes a programme's figure."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure, Refused
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from services.cli.client import Api

PATIENCE = 3.0
"""Seconds to wait until capacity shows the figure."""
POLL_EVERY = 0.1


@command
def set_places(
    caller: Caller,
    programme: Annotated[str, typer.Argument(metavar="PROGRAMME", help="As `joldama capacity` names it.")],
    places: Annotated[
        int | None, typer.Argument(min=0, max=100_000, help="How many places it has.", show_default="as many as now")
    ] = None,
    suspend: Annotated[
        bool | None, typer.Option("--suspend/--resume", help="Give no more places for now, or again.")
    ] = None,
) -> None:
    """Set how many places a programme has; without a number, confirm that the figure is still true.

    No child loses a place: with fewer places than children the programme is overcommitted until some have left. Places
    that come free go to the first children in the queue. On a local network the command acts as the programme's center.

    Example: joldama set-places nccr-astana-inpatient 240
    """
    with caller.api("referral") as registry:
        center = _center_of(registry, programme)
    path = f"/v1/centers/{center}/programmes/{programme}/places"
    with caller.api("referral", Role.CENTER, center) as registry:
        before = _figure(registry, path)
        after = _put(registry, path, before, places, suspend)
    counts = _applied(caller, after)
    found = after | (counts or {}) | {"applied": counts is not None}
    caller.show(found, lambda found: _said(before, found))


def _center_of(registry: "Api", programme: str) -> str:
    from services.contracts.near_matches import Named, did_you_mean

    every = list[Named]()
    for center in registry.pages("/v1/centers"):
        every += [Named(one["id"]) for one in center["programmes"]]
        if any(one["id"] == programme for one in center["programmes"]):
            return str(center["id"])
    near = did_you_mean(programme, every) or ": see `joldama capacity`."
    raise Failure(ExitCode.NOT_FOUND, f"There is no programme {programme}{near}")


def _figure(registry: "Api", path: str) -> Any:
    """The programme's figure; None when it was never set."""
    try:
        return registry.get(path)
    except Refused as refused:
        if refused.problem.get("code") != "no_figure":
            raise
        return None


def _put(registry: "Api", path: str, before: Any, places: int | None, suspend: bool | None) -> Any:
    """The new figure. Without `places`, `before` is confirmed, unless somebody has set another figure since."""
    if places is not None:
        return registry.put(path, {"places": places, "suspended": suspend})
    if before is None:
        raise Failure(ExitCode.USAGE, "The programme has no figure yet: say how many places it has.")
    same = {"If-Match": f'"{before["version"]}"'}
    try:
        return registry.put(path, {"places": before["places"], "suspended": suspend}, same)
    except Refused as refused:
        if refused.status != 412:
            raise
        raise Failure(refused.code, "Somebody has just set this figure: look at it, and confirm it again.") from None


def _applied(caller: Caller, figure: dict[str, Any]) -> Any:
    """The programme at capacity with `figure` or a newer one; None when capacity does not show it in time."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(Failure), caller.api("capacity", Role.CENTER, figure["center_id"]) as capacity:
            for one in capacity.pages(f"/v1/capacity/{figure['center_id']}"):
                if one["programme_id"] == figure["programme_id"] and one["version"] >= figure["version"]:
                    return one
        time.sleep(POLL_EVERY)
    return None


def _said(before: Any, found: dict[str, Any]) -> str:
    unchanged = before and all(before[name] == found[name] for name in ("places", "suspended"))
    confirmed = "; the figure is confirmed" if unchanged else ""
    if not found["applied"]:
        suspended = ", suspended" if found["suspended"] else ""
        figure = f"{found['programme_id']} has {found['places']} places{suspended}{confirmed}"
        return f"{figure}; capacity does not show that yet, and will as soon as it can"
    words = f"{found['programme_id']} has {found['places']} places, {found['free']} free, {found['waiting']} wait"
    if found["suspended"]:
        words += "; suspended: it gives no places"
    if found["overcommitted"]:
        words += f"; overcommitted by {found['overcommitted']}: so many must leave before a place comes free"
    return words + confirmed
