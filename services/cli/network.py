"""The addresses of the network: written by `joldama up`, each replaceable from the environment."""

import json
import os
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from services.cli.failures import NoNetwork

SERVICES = ("intake", "referral", "capacity")
VARIABLES = {
    "console": "JOLDAMA_CONSOLE_URL",
    **{name: f"JOLDAMA_{name.upper()}_URL" for name in SERVICES},
    "kafka": "JOLDAMA_KAFKA_SERVERS",
    "redis": "JOLDAMA_REDIS_URL",
}
SQL_VARIABLES = {"intake": "JOLDAMA_INTAKE_SQL_URL", "referral": "JOLDAMA_REFERRAL_SQL_URL"}


@dataclass(frozen=True, slots=True)
class Network:
    """The base URLs of the services and the addresses of Kafka and Redis, empty where unknown; `sql` are databases.

    `inside` are the addresses of the documentation, the probes and the metrics of a local network's processes.
    """

    addresses: dict[str, str]
    sql: dict[str, str]
    inside: dict[str, str]
    local: bool
    """Started by `joldama up` on this machine, so that the issuer's key is here too."""

    def url(self, service: str) -> str:
        """The base URL of `intake`, `referral` or `capacity`. Raises Failure when it is unknown."""
        found = self.addresses[service]
        if not found:
            missing = f"does not name the {service} service" if file().exists() else "is not there"
            raise NoNetwork(f"No network is running here: {file()} {missing}.")
        return found.rstrip("/")


def home() -> Path:
    """The home of the network: `JOLDAMA_HOME`, or `.joldama` in the current folder."""
    return Path(os.environ.get("JOLDAMA_HOME") or ".joldama").resolve()


def file() -> Path:
    return home() / "network.json"


def read_network() -> Network:
    """The addresses in the environment, and for the others those in `network.json`. Makes no call."""
    written = _written()
    addresses = {name: os.environ.get(variable) or str(written.get(name) or "") for name, variable in VARIABLES.items()}
    sql = _texts(written.get("sql"))
    sql |= {name: os.environ[variable] for name, variable in SQL_VARIABLES.items() if os.environ.get(variable)}
    elsewhere = any(os.environ.get(VARIABLES[name]) for name in SERVICES)
    inside = _texts(written.get("inside"))
    return Network(addresses, sql, inside, local=bool(written) and not elsewhere)


def _texts(found: object) -> dict[str, str]:
    return {str(name): str(url) for name, url in found.items()} if isinstance(found, dict) else {}


def _written() -> dict[str, Any]:
    try:
        content = json.loads(file().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise NoNetwork(f"{file()} cannot be read: {error}.") from None
    return content if isinstance(content, dict) else {}


def without_password(url: str) -> str:
    """`url` with `***` in place of its password."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{address}"))


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine, so that no proxy applies."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
