"""Where the network is: the addresses that `joldama up` has written, each replaceable from the environment."""

import json
import os
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from services.cli.failures import no_network

VARIABLES = {
    "intake": "JOLDAMA_INTAKE_URL",
    "referral": "JOLDAMA_REFERRAL_URL",
    "capacity": "JOLDAMA_CAPACITY_URL",
    "kafka": "JOLDAMA_KAFKA_SERVERS",
    "redis": "JOLDAMA_REDIS_URL",
}
SQL_VARIABLES = {"intake": "JOLDAMA_INTAKE_SQL_URL", "referral": "JOLDAMA_REFERRAL_SQL_URL"}


@dataclass(frozen=True, slots=True)
class Network:
    """Base URLs of the public APIs, and the addresses of what stands behind them. Empty where unknown."""

    intake: str = ""
    referral: str = ""
    capacity: str = ""
    kafka: str = ""
    redis: str = ""
    sql: dict[str, str] = field(default_factory=dict)
    local: bool = False
    """Written by `joldama up` on this machine: its issuer's key is here too."""

    def url(self, service: str) -> str:
        """The base URL of `intake`, `referral` or `capacity`; raises Failure when nobody has told it."""
        found: str = getattr(self, service)
        if not found:
            raise no_network(f"No network is running here: {file()} does not name the {service} service.")
        return found.rstrip("/")

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "local"}


def home() -> Path:
    """The folder of this network's state: `JOLDAMA_HOME`, or `.joldama` here."""
    return Path(os.environ.get("JOLDAMA_HOME") or ".joldama").resolve()


def file() -> Path:
    return home() / "network.json"


def read_network() -> Network:
    """What the environment names, and for the rest what `network.json` says. Asks nobody."""
    written = _written()
    urls = {name: os.environ.get(variable) or str(written.get(name) or "") for name, variable in VARIABLES.items()}
    sql = {str(name): str(url) for name, url in (written.get("sql") or {}).items()}
    sql |= {name: os.environ[variable] for name, variable in SQL_VARIABLES.items() if os.environ.get(variable)}
    elsewhere = any(os.environ.get(VARIABLES[name]) for name in ("intake", "referral", "capacity"))
    return Network(**urls, sql=sql, local=bool(written) and not elsewhere)


def _written() -> dict[str, Any]:
    try:
        content = json.loads(file().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise no_network(f"{file()} cannot be read: {error}.") from None
    return content if isinstance(content, dict) else {}


def without_password(url: str) -> str:
    """`url` with its password as `***`, for a screen."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{address}"))


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine, where no proxy can be meant."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
