"""`joldama register-centers`: puts the centers and figures of the reference data into the registry."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure, Refused
from services.cli.reference import DataOption, data_folder
from services.contracts.authority import OPERATORS

if TYPE_CHECKING:
    from services.cli.client import Api
    from services.contracts.reference import CenterEntry, ProgrammeEntry


@command
def register_centers(caller: Caller, data: DataOption = None) -> None:
    """Register the centers of centers.csv and programmes.csv that the network does not have; others stay as they are.

    Programmes without a figure get their places of programmes.csv. Nothing is registered while a center's coordinates
    are swapped, zero, or more than 100 km from its settlement.

    Example: JOLDAMA_REFERRAL_URL=https://referral.example.org joldama register-centers --data data --token "$TOKEN"
    """
    if caller.role not in (None, *OPERATORS):
        raise Failure(
            ExitCode.NOT_ALLOWED, f"--as {caller.role}: only an operator or an administrator registers centers."
        )
    with caller.api("referral") as registry:
        count = register_missing(registry, data or data_folder())
    told = f"{count} centers registered" if count else "0 centers registered: all of them were there already"
    caller.show({"registered": count}, lambda _: told)


def register_missing(registry: "Api", data: Path, progress: Callable[[int, int], None] = lambda *_: None) -> int:
    """Register the centers of `data` that `registry` does not have, and set missing figures. Returns how many centers.

    `progress` is called with the number of centers that are done, and of all. The next run completes an interrupted
    one. Raises Failure, before anything is sent when a center's coordinates cannot be right.
    """
    from services.contracts.reference import read_centers, read_programmes

    centers = read_centers(data)
    _check_coordinates(data, centers)
    known = {one["id"] for one in registry.pages("/v1/centers")}
    unset = {
        (one["center_id"], one["programme_id"]) for one in registry.pages("/v1/forecast") if not one["confirmed_at"]
    }
    programmes = read_programmes(data).values()
    bare = [one for one in programmes if one.center_id not in known or (one.center_id, one.id) in unset]
    todo = sorted(centers.keys() - known | {one.center_id for one in bare})
    for done, id in enumerate(todo):
        progress(done, len(todo))
        own = [one for one in bare if one.center_id == id]
        if id not in known:
            registry.put(f"/v1/centers/{id}", _body(centers[id], own))
        for programme in own:
            _set_first_figure(registry, programme)
    progress(len(todo), len(todo))
    return len(centers.keys() - known)


def _check_coordinates(data: Path, centers: Mapping[str, "CenterEntry"]) -> None:
    from services.contracts.coordinates import misplaced
    from services.contracts.reference import read_settlements

    settlements = read_settlements(data)
    wrong = [
        f"  {one.id}: {found.message} ({found.code})"
        for one in centers.values()
        if (place := settlements.get(one.settlement_id))
        and (found := misplaced(one.latitude, one.longitude, place, settlements.values()))
    ]
    if wrong:
        head = f"Nothing was registered: {len(wrong)} centers of {data / 'centers.csv'} are not where they should be."
        raise Failure(ExitCode.REFUSED, "\n".join([head, *wrong]))


def _body(center: "CenterEntry", programmes: list["ProgrammeEntry"]) -> dict[str, Any]:
    listed = [one.model_dump(mode="json", exclude={"center_id", "places"}) for one in programmes]
    return center.model_dump(mode="json", exclude={"id"}, exclude_none=True) | {"programmes": listed}


def _set_first_figure(registry: "Api", programme: "ProgrammeEntry") -> None:
    """Set the programme's places, unless the center has set a figure meanwhile."""
    path = f"/v1/centers/{programme.center_id}/programmes/{programme.id}/places"
    try:
        registry.put(path, {"places": programme.places}, {"If-None-Match": "*"})
    except Refused as refused:
        if refused.status != 412:
            raise
