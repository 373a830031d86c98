"""What a connection, an address and a port may take."""

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection, and all of one port, may take. Times are in seconds."""

    head_bytes: int = 32 * 1024
    headers: int = 100
    head_seconds: float = 10.0
    """From the connection, or the first byte of a later request, to the end of its headers."""
    body_idle: float = 10.0
    body_seconds: float = 60.0
    """The whole body, unless the route allows a slow one."""
    slow_body_idle: float = 60.0
    unread_body: float = 5.0
    unread_bytes: int = 64 * 1024 * 1024
    """How long, and how much of, a body is dropped after its answer: many clients send all before they read."""
    send_idle: float = 60.0
    """How long a client may take nothing of an answer."""
    connections: int = 800
    per_address: int | None = 256
    uncounted: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of reverse proxies: their connections are counted in all only."""


class Addresses:
    """The connections of a port by their address."""

    def __init__(self, bounds: Bounds) -> None:
        self._most, self._uncounted = bounds.per_address, bounds.uncounted
        self._open = Counter[str]()

    def enter(self, address: str) -> bool:
        """Whether the address may have one more; each that enters leaves."""
        self._open[address] += 1
        if self._most is None or self._open[address] <= self._most:
            return True
        return any(ip_address(address) in network for network in self._uncounted)

    def leave(self, address: str) -> None:
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
