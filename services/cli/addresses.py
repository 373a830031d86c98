"""`joldama urls`: the addresses of the network."""

import socket
from urllib.parse import urlsplit

from services.cli.caller import JsonOption
from services.cli.failures import NoNetwork, say
from services.cli.network import SERVICES, file, read_network, without_password
from services.cli.render import show, table


def urls(json: JsonOption = False) -> None:
    """Print the addresses of the network's services and servers.

    "Inside" are the ports with the documentation (/docs), readiness (/readyz) and metrics (/metrics) of each process.

    They are in JOLDAMA_HOME/network.json; variables such as JOLDAMA_INTAKE_URL replace single addresses.

    Example: joldama urls --json | jq -r .capacity
    """
    network = read_network()
    found = network.addresses | {"sql": network.sql, "inside": network.inside}
    if not any(found.values()):
        raise NoNetwork(f"No network is running here: there is no {file()}.")
    known = network.addresses | {f"sql {name}": url for name, url in network.sql.items()}
    known |= {f"inside {name}": url for name, url in network.inside.items()}
    rows = [(name, without_password(url)) for name, url in known.items() if url]
    show(found, lambda _: table("", ("name", "address"), rows), json)
    if not json and network.local and not any(_listens(network.addresses[name]) for name in SERVICES):
        say("joldama: the network is not running now; `make up` or `joldama up` starts it.")


def _listens(url: str) -> bool:
    """Whether a server accepts connections at `url` now."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=0.5):
            return True
    except (OSError, ValueError):
        return False
