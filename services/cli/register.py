"""`joldama register-centers`: the reference data's centers into the registry, over its public API."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.access import Identity
from services.cli.network import read_network
from services.cli.options import AsOption, OrgOption, TokenOption
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from services.cli.client import Api


def register_centers(
    data: Annotated[
        Path | None,
        typer.Option("--data", envvar="JOLDAMA_DATA", help="Reference data.", show_default="the checkout's"),
    ] = None,
    token: TokenOption = None,
    role: AsOption = None,
    org: OrgOption = None,
) -> None:
    """Register the centers of centers.csv and programmes.csv that the network does not have; others stay as they are.

    Example: JOLDAMA_REFERRAL_URL=https://referral.example.org joldama register-centers --data data --token "$TOKEN"
    """
    from services.cli.client import Api

    network = read_network()
    with Api(network.url("referral"), Identity(token, role, org).bearer(network, Role.OPERATOR)) as registry:
        count = register_missing(registry, data or _checkout_data())
    print(f"{count} centers registered")


def register_missing(registry: "Api", data: Path, progress: Callable[[int, int], None] = lambda *_: None) -> int:
    """Register the centers in `data` that `registry` does not have; how many they were. Raises Failure.

    `progress` is told how many of how many are done.
    """
    known = {center["id"] for center in registry.pages("/v1/centers")}
    missing = {id: body for id, body in _bodies(data).items() if id not in known}
    for done, (id, body) in enumerate(missing.items()):
        progress(done, len(missing))
        registry.put(f"/v1/centers/{id}", body)
    progress(len(missing), len(missing))
    return len(missing)


def _bodies(data: Path) -> dict[str, dict[str, Any]]:
    """Center id to the body of its `PUT /v1/centers/{id}`."""
    from services.contracts.reference import read_centers, read_programmes

    bodies: dict[str, dict[str, Any]] = {
        one.id: one.model_dump(mode="json", exclude={"id"}) | {"programmes": []} for one in read_centers(data).values()
    }
    for programme in read_programmes(data).values():
        bodies[programme.center_id]["programmes"].append(programme.model_dump(mode="json", exclude={"center_id"}))
    return bodies


def _checkout_data() -> Path:
    return Path(__file__).resolve().parents[2] / "data"
