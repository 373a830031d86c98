"""What a referral costs as the network grows: processor time of the worker's handlers with capacity, and of Valkey.

python -m tests.bench.growth [--centers 1000 [--elsewhere]] [--past 1000000] [--waiting 100000] [--count 2000]

Handlers, SQLite, capacity's application and the scripts are real and in this process; Kafka and the relays are left
out, for they see an event however large the network is. No center has a place, so each child waits.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import psutil

from services.capacity.adapters.redis_connection import connect
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store, running
from services.capacity.domain.figures import stale_after
from services.capacity.entrypoints.api import make_app
from services.cli.demo_children import REFERENCE_DAY, demo_children, read_incidence
from services.contracts.events import Event
from services.contracts.reference import read_centers, read_programmes, read_regions, read_settlements, rows
from services.kit.http.service_token import TokenFile
from services.kit.settings import CHECKOUT
from services.local.ports import Ports
from services.referral.adapters.history import HISTORY
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.bootstrap import bootstrap
from services.referral.settings import ReferralSettings
from tests.bench.copies import add_copies
from tests.bench.country import multiply
from tests.integration.capacity.api_client import MadeUpTokens
from tests.integration.referral.country import CONSUMER, Clock, Country
from tests.support.servers import Server, new_server
from tests.unit.referral.fakes import FakeIntake
from tests.unit.referral.samples import diagnosis, event

DATA = CHECKOUT / "data"
BATCH = 200
FIRST = 2_000
"""Children who come before the first measurement: of most kinds, and from most settlements."""
Cost = dict[str, float]


def children() -> Iterator[dict[str, Any]]:
    """Made-up children as the router sees them, without end."""
    settlements, codes = list(read_settlements(DATA).values()), [row["code"] for row in rows(DATA / "diagnoses.csv")]
    seed = 0
    while seed := seed + 1:
        for one in demo_children(5_000, seed, settlements, read_incidence(DATA), codes):
            born = one["child"]["birth_date"]
            months = (REFERENCE_DAY.year - int(born[:4])) * 12 + REFERENCE_DAY.month - int(born[5:7])
            wishes = {name: one.get(name) for name in ("settlement_id", "modalities", "max_distance_km")}
            yield {"age_months": max(0, months), "icd10": one["diagnosis"]["icd10"], **wishes}


@asynccontextmanager
async def opened(folder: Path, valkey: str) -> AsyncIterator[Country]:
    """The worker's use cases on an empty record, over capacity's application."""
    token, database = folder / "token", f"sqlite:///{folder / 'referral.sqlite3'}"
    if not token.exists():  # another worker reads it
        token.write_text("referral-worker")
    HISTORY.migrate(database)
    settings = ReferralSettings(
        mode="local", kafka_servers="127.0.0.1:1", data=DATA, referral_sql_url=database, service_token_file=token,
        capacity_url="http://capacity", intake_url="http://127.0.0.1:1", forecast_every=0,
    )  # fmt: skip
    clock, intake = Clock(), FakeIntake()
    async with AsyncExitStack() as stack:
        redis = connect(valkey, "growth")
        stack.push_async_callback(redis.aclose)
        store = redis_store(RedisScripts(redis, "growth"), stale_after(7))
        app = make_app(lambda: running(store, clock), MadeUpTokens(), read_regions(DATA)).inside
        await stack.enter_async_context(app.router.lifespan_context(app))
        over = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://capacity")
        capacity = HttpCapacity(await stack.enter_async_context(over), TokenFile(token))
        service = await stack.enter_async_context(bootstrap(settings, clock=clock, capacity=capacity, intake=intake))
        yield Country(service, store, clock, intake)


class Bench:
    """A country, and the children who come to it."""

    def __init__(self, country: Country, server: psutil.Process, count: int, first: int = 0) -> None:
        self._country, self._server, self._count = country, server, count
        self._children, self._number = children(), first

    async def register(self, count: int, *, elsewhere: bool = False) -> None:
        """The centers of `data/` without places, and copies of them until there are so many."""
        programmes, centers = list(read_programmes(DATA).values()), list(read_centers(DATA).values())
        for center in centers[:count]:
            mine = [
                one.model_dump(exclude={"center_id"}) | {"suspended": False, "places": 0}
                for one in programmes
                if one.center_id == center.id
            ]
            await self._country.register(center.id, *mine, **center.model_dump(exclude={"id"}))
        while events := await self._country.own_events():
            for start in range(0, len(events), BATCH):
                await self._country.service.reactions(CONSUMER, events[start : start + BATCH])
        if count > len(centers):
            service, now = self._country.service, self._country.clock.now
            await add_copies(service, self._country.capacity, count, now, elsewhere=elsewhere)

    async def route(self, count: int) -> None:
        for _ in range(0, count, BATCH):
            await self._country.service.reactions(CONSUMER, self.batch())

    def batch(self) -> list[Event]:
        """The submissions of the next children."""
        found = []
        for child in islice(self._children, BATCH):
            self._number += 1
            id = UUID(int=self._number << 64 | 7 << 76 | random.Random(self._number).getrandbits(60))
            one = diagnosis(self._number, referral_id=id, submitted_at=self._country.clock.now, **child)
            found.append(event(one))
        return found

    def valkey_mb(self) -> float:
        """Megabytes in memory."""
        return round(self._server.memory_info().rss / 1e6, 1)

    async def cost(self) -> Cost:
        """Milliseconds of processor time a referral; making up the children is not counted."""
        self._children = iter(list(islice(self._children, self._count)))
        ours, valkey = time.process_time(), sum(self._server.cpu_times()[:2])
        await self.route(self._count)
        spent = time.process_time() - ours, sum(self._server.cpu_times()[:2]) - valkey
        self._children = children()
        handlers, server = (round(1000 * one / self._count, 3) for one in spent)
        return {"worker and capacity": handlers, "valkey": server}


async def measure(folder: Path, server: Server, options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with opened(folder, server.address) as country:
        bench = Bench(country, psutil.Process(server.pid), options.count)

        async def note(stage: str) -> None:
            before = _bytes(folder / "referral.sqlite3")
            found[stage] = {"ms": [await bench.cost() for _ in range(3)], "valkey MB": bench.valkey_mb()}
            after = _bytes(folder / "referral.sqlite3")
            sizes = {
                "record MB": round(after / 1e6),
                "record KB a child": round((after - before) / 3000 / options.count, 2),
            }
            found[stage] |= sizes
            sys.stderr.write(f"{stage}: {json.dumps(found[stage])}\n")

        await bench.register(options.centers or len(read_centers(DATA)), elsewhere=options.elsewhere)
        await bench.route(FIRST)
        await note("at first")
        if options.past:
            _close(folder / "referral.sqlite3", options.past)
            await note(f"{options.past} past")
        if options.waiting:
            await bench.route(options.waiting)
            await note(f"{options.waiting} more wait")
    return found


def _bytes(file: Path) -> int:
    with closing(sqlite3.connect(file)) as record:
        return int(
            record.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0]
        )


def _close(file: Path, count: int) -> None:
    """So many closed referrals more, of the ten years before."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=60)) as record:
        old = [one for (one,) in record.execute("SELECT id FROM referrals WHERE state = 'waiting'")]
        multiply(record, old, count, closed=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    parser.add_argument("--centers", type=int, default=0, help="so many instead of those of data/")
    parser.add_argument("--elsewhere", action="store_true", help="the others take children of other regions only")
    parser.add_argument("--past", type=int, default=0, help="closed referrals that are added")
    parser.add_argument("--waiting", type=int, default=0, help="children who come then, and wait")
    parser.add_argument("--count", type=int, default=2_000, help="referrals of one measurement")
    with tempfile.TemporaryDirectory() as name, Ports() as ports:
        server = new_server("valkey", Path(name, "valkey"), ports).start()
        try:
            found = asyncio.run(measure(Path(name), server, parser.parse_args()))
        finally:
            server.stop()
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
