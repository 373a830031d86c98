"""`joldama urls` and `joldama token`: where the network is, and a way in."""

from typing import Annotated

import typer

from services.cli.access import LOCAL_POLYCLINIC, local_token
from services.cli.failures import ExitCode, Failure, no_network, say
from services.cli.network import file, read_network, without_password
from services.cli.options import JsonOption
from services.contracts.vocabulary import Role


def urls(json: JsonOption = False) -> None:
    """Print where the network's services and servers are.

    JOLDAMA_HOME/network.json says it; variables such as JOLDAMA_INTAKE_URL replace single addresses.

    Example: joldama urls --json | jq -r .capacity
    """
    from services.cli.render import paper, print_json, table

    network = read_network()
    if not any(network.as_dict().values()):
        raise no_network(f"No network is running here: there is no {file()}.")
    if json:
        return print_json(network.as_dict())
    known = {name: value for name, value in network.as_dict().items() if value and name != "sql"}
    known |= {f"sql {name}": without_password(url) for name, url in network.sql.items()}
    if "redis" in known:
        known["redis"] = without_password(str(known["redis"]))
    paper().print(table("", ("name", "address"), known.items()))
    if network.local and not any(map(_listens, (network.intake, network.referral, network.capacity))):
        say("joldama: the network is not running now; `make up` or `joldama up` starts it.")


def _listens(url: str) -> bool:
    """Whether something takes connections at `url` now."""
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=0.5):
            return True
    except (OSError, ValueError):
        return False


def token(
    role: Annotated[Role, typer.Argument(metavar="ROLE", help=f"One of {', '.join(Role)}.", show_default=False)],
    org: Annotated[
        str | None, typer.Option("--org", help="The polyclinic's or the center's id.", show_default=False)
    ] = None,
) -> None:
    """Print a bearer token of the local network's issuer.

    A polyclinic or a center is one by its id (default: the demo polyclinic); operators have none.

    Example: curl -H "Authorization: Bearer $(joldama token operator)" http://127.0.0.1:8102/v1/referrals
    """
    if role is Role.CENTER and not org:
        example = "joldama token center --org almaty-cp-center"
        raise Failure(ExitCode.USAGE, f"A center is one by its id: {example} (`joldama centers` lists them).")
    if role is Role.POLYCLINIC and not org:
        org = LOCAL_POLYCLINIC
        say(f"joldama: a token of the polyclinic {org}; --org ID names another.")
    print(local_token(role, org))
