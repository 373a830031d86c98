"""The network under measurement, in a temporary folder, and processes beside it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import httpx2
import orjson
import psutil
from sqlalchemy import Engine, create_engine, text

from services.cli.demo_children import write_demo_children
from services.cli.up.demo import load_network, programmes_in_data, programmes_known
from services.kit.settings import CHECKOUT
from services.local.home import Home
from services.local.issuer import issue_token
from services.local.network import Network
from services.local.parts import Blueprint
from services.local.plan import Plan
from tests.support.postgres import Postgres, running_postgres

POLYCLINIC = "bench-polyclinic"
Change = Callable[[Blueprint], Blueprint]


@dataclass(frozen=True)
class BenchNetwork:
    """A running network, and clients of it. `postgres`: the server of its databases, None on SQLite."""

    plan: Plan
    network: Network
    postgres: Postgres | None = None
    _engines: dict[str, Engine] = field(default_factory=dict)

    def token(self, role: str, org: str = "") -> str:
        return issue_token(self.plan.home, [role], org=org, subject="bench")

    def port(self, part: str) -> int:
        return self.plan.ports[part]

    def client(self, part: str, role: str, org: str = "") -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token(role, org)}"}
        return httpx2.Client(base_url=self.plan.url(part), headers=headers, timeout=600)

    def count(self, service: str, what: str) -> int:
        """Rows of `what` (a table, and a condition) in the database of `intake` or `referral`."""
        if service not in self._engines:
            self._engines[service] = create_engine(getattr(self.plan, f"{service}_sql_url"), pool_size=1)
        with self._engines[service].connect() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one())

    def processor_seconds(self) -> dict[str, float]:
        """User and system time of each part since it was started, PostgreSQL's with all its processes."""
        used = {part.name: used_by(self.network.pid(part.name)) for part in self.network.parts}
        return used | ({"postgres": used_by(self.postgres.pid)} if self.postgres else {})

    def close(self) -> None:
        for engine in self._engines.values():
            engine.dispose()


def used_by(pid: int) -> float:
    """Seconds of a process, of its children, and of those that have ended."""
    process = psutil.Process(pid)
    own, seconds = process.cpu_times(), 0.0
    for child in process.children():
        with suppress(psutil.NoSuchProcess):
            seconds += sum(child.cpu_times()[:2])
    return float(seconds + sum(own[:4]))


@contextmanager
def running_network(sql: str = "sqlite", change: Change = lambda given: given) -> Iterator[BenchNetwork]:
    """Start everything on free ports and register the country's centers; stop all at the end.

    `sql`: `sqlite`, or `postgresql` for a server of Debian's package that is started beside. `change`: the blueprint.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="joldama-bench-")))
        postgres = stack.enter_context(running_postgres()) if sql == "postgresql" else None
        network = stack.enter_context(_network(Home(folder), postgres, change))
        plan = network.start()
        load_network(plan, lambda done, total: None)
        expected = programmes_in_data()
        until(lambda: programmes_known(plan) == expected, "the centers' programmes reach capacity")
        measured = BenchNetwork(plan, network, postgres)
        stack.callback(measured.close)
        yield measured


def _network(home: Home, postgres: Postgres | None, change: Change) -> Network:
    if postgres is None:
        return Network(home, _say, change(Blueprint()))
    postgres.make_service_databases()
    environment = {**os.environ, **postgres.service_urls()}
    return Network(home, _say, change(Blueprint(jobs=postgres.jobs)), environment=environment)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


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
