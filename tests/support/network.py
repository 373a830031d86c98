"""A whole network of a test's own: its processes, in a folder and on ports of its own."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.cli.up import demo
from services.local.home import Home
from services.local.issuer import issue_token
from services.local.network import Network
from services.local.parts import Blueprint
from services.local.plan import DEFAULT_PORTS, Plan
from services.local.ports import Ports
from tests.support.servers import wait_until


@dataclass(frozen=True, slots=True)
class RunningNetwork:
    """A network that is up. Its parts: kafka, valkey, and the services of `services.local.parts`."""

    network: Network
    plan: Plan

    @property
    def home(self) -> Home:
        return self.network.home

    def url(self, api: str) -> str:
        """Base URL of the public port of a service."""
        return self.plan.url(api)

    def inside(self, part: str) -> str:
        """Base URL of a part's inside port: probes, metrics, documentation, routes for services."""
        return self.plan.inside_url(part)

    def token(self, role: str, org: str = "") -> str:
        return issue_token(self.home, [role], org)

    def headers(self, role: str, org: str = "") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(role, org)}"}

    def pid(self, part: str) -> int:
        """The part's process; 0 while it does not run."""
        return self.network.pid(part)

    def kill(self, part: str, with_signal: int = signal.SIGKILL) -> int:
        """Send SIGKILL (or another signal) to a part, which supervisord restarts; the process it had."""
        wait_until(lambda: self.pid(part) != 0, f"{part} runs")
        os.kill(pid := self.pid(part), with_signal)
        return pid

    @contextmanager
    def paused(self, part: str) -> Iterator[None]:
        """SIGSTOP to a part, and SIGCONT at the end."""
        self.kill(part, signal.SIGSTOP)
        try:
            yield
        finally:
            self.kill(part, signal.SIGCONT)

    def wait_restarted(self, part: str, before: int) -> None:
        """Until `part` is another process than `before`, and all parts are ready."""
        self.wait_for_new_process(part, before)
        self.network.wait_ready()

    def wait_for_new_process(self, part: str, before: int) -> None:
        """Until `part` is another process than `before`."""
        wait_until(lambda: self.pid(part) not in (0, before), f"{part} runs again")

    def load_country(self) -> None:
        """Register the centers of `data/` with their figures, and wait until capacity has each figure."""
        with self.paused("referral-relay"):  # the worker gets hundreds of events in a batch or two
            demo.load_network(self.plan, lambda done, total: None)
        wanted = demo.programmes_in_data()
        wait_until(lambda: demo.programmes_known(self.plan) >= wanted, f"{wanted} programmes in capacity")


@contextmanager
def running_network(folder: Path, blueprint: Blueprint | None = None, **environment: str) -> Iterator[RunningNetwork]:
    """Start a network with its state in `folder`, on random free ports; all parts get `environment`.

    `blueprint` replaces parts.
    """
    home = Home(folder.resolve())
    home.make()
    if not home.read():
        with Ports() as ports:
            home.write({"ports": {name: ports.choose() for name in DEFAULT_PORTS}})
    variables: Mapping[str, str] = {**plain_environment(), **environment}
    with Network(home, print, blueprint, environment=variables) as network:
        yield RunningNetwork(network, network.start())


def plain_environment() -> dict[str, str]:
    """This process's environment without Joldama's variables, which belong to another network."""
    return {name: value for name, value in os.environ.items() if not name.startswith("JOLDAMA_")}
