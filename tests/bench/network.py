"""The network under measurement, in a temporary folder, and processes beside it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import httpx2
import orjson

from services.cli.demo_children import write_demo_children
from services.cli.up.demo import load_network, programmes_in_data, programmes_known
from services.kit.settings import CHECKOUT
from services.local.home import Home
from services.local.issuer import issue_token
from services.local.network import Network
from services.local.plan import Plan

POLYCLINIC = "bench-polyclinic"


@dataclass(frozen=True)
class BenchNetwork:
    """A running network, and clients of it."""

    plan: Plan
    network: Network

    def token(self, role: str, org: str = "") -> str:
        return issue_token(self.plan.home, [role], org=org, subject="bench")

    def port(self, part: str) -> int:
        return self.plan.ports[part]

    def client(self, part: str, role: str, org: str = "") -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token(role, org)}"}
        return httpx2.Client(base_url=self.plan.url(part), headers=headers, timeout=600)


@contextmanager
def running_network() -> Iterator[BenchNetwork]:
    """Start everything on free ports and register the country's centers; stop all at the end."""
    with tempfile.TemporaryDirectory(prefix="joldama-bench-") as folder:
        with Network(Home(Path(folder)), lambda line: print(line, file=sys.stderr)) as network:  # noqa: T201
            plan = network.start()
            load_network(plan, lambda done, total: None)
            expected = programmes_in_data()
            until(lambda: programmes_known(plan) == expected, "the centers' programmes reach capacity")
            yield BenchNetwork(plan, network)


EVERYWHERE = {"modalities": ["inpatient", "day_stay", "outpatient", "home_care"], "max_distance_km": None}
"""Wishes that some programme meets for every child, so that each referral has an event in the feed."""


def submissions(count: int, seed: int, wishes: Mapping[str, object] | None = None) -> list[bytes]:
    """Bodies of POST /v1/diagnoses, with `wishes` in place of their own."""
    text = StringIO()
    write_demo_children(text, count, seed, CHECKOUT / "data", (datetime.now(UTC) + timedelta(hours=5)).date())
    lines = text.getvalue().splitlines()
    return [orjson.dumps(orjson.loads(line) | wishes) if wishes else line.encode() for line in lines]


@contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process with `environment` added to this one's, ended with the body."""
    child = subprocess.Popen(
        [sys.executable, "-m", *command], env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    try:
        yield child
    finally:
        child.terminate()
        child.wait(20)


def until(condition: Callable[[], bool], what: str, seconds: float = 300, every: float = 0.1) -> None:
    """Wait until `condition` holds; raises TimeoutError."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(what)
        time.sleep(every)
