"""Each process of the services a second time, as in a country; people call the one and the other in turn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

from services.local.parts import Part, answers_ready
from services.local.plan import APIS, CONSOLE
from services.local.ports import LOOPBACK, Ports
from tests.chaos.scenario import SECOND
from tests.support.network import RunningNetwork


def with_doubles(parts: Sequence[Part], ports: Ports) -> list[Part]:
    """The services' parts, and after each its double, named `…-2`."""
    return [one for part in parts for one in ((part,) if part.name == CONSOLE else (part, _double(part, ports)))]


def _double(part: Part, ports: Ports) -> Part:
    public, inside = ports.choose(), ports.choose()
    own = {"JOLDAMA_PORT": str(public), "JOLDAMA_INSIDE_PORT": str(inside)}
    if "JOLDAMA_WORKER_INSTANCE" in part.environment:
        own["JOLDAMA_WORKER_INSTANCE"] = "2"
    if heads := part.environment.get("JOLDAMA_AUDIT_HEAD_FILE"):
        own["JOLDAMA_AUDIT_HEAD_FILE"] = f"{heads}.2"
    if part.name not in APIS:
        own["JOLDAMA_PORT"] = str(inside)
    return replace(
        part, name=part.name + SECOND, environment={**part.environment, **own}, is_ready=lambda: answers_ready(inside)
    )


@dataclass(frozen=True)
class DoubledNetwork(RunningNetwork):
    """A network with doubles. `urls`: of each API, without end."""

    urls: Mapping[str, Iterator[str]]

    def url(self, api: str) -> str:
        return next(self.urls[api])


def doubled(network: RunningNetwork) -> DoubledNetwork:
    """The same network, whose people call both of each API."""
    ports = {one.name: one.environment.get("JOLDAMA_PORT") for one in network.network.parts}
    urls = {api: cycle(f"http://{LOOPBACK}:{ports[name]}" for name in (api, api + SECOND)) for api in APIS}
    return DoubledNetwork(network.network, network.plan, urls)
