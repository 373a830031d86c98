"""A record of a country's size in seconds: referrals that were routed, again and again under new ids.

They are rows of the service's SQLite beside its API; the other side, capacity, is then rebuilt from the record.
"""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle, islice
from uuid import UUID

from redis import Redis

from services.contracts.short_numbers import short_number
from services.local.parts import SERVICES
from tests.bench.measures import quiet, submit_lines
from tests.bench.network import BenchNetwork, submissions, until

ROUTED = 6_000
"""Referrals that are submitted: more than there are places, so that the last ones wait."""
ESCALATED = 0.94
"""Of those that wait: 110,000 of a country's 117,000."""
DAY = 86_400_000
PART = 5_000
"""Referrals of one transaction: the services write as well."""
_CHANGED = {"id": "new.id", "number": "new.number", "child_id": "new.child_id", "rank": "rank + new.later",
            "submitted_at": "new.at"}  # fmt: skip
_ESCALATED = {"escalated_at": "CASE WHEN new.escalated THEN new.at + 2592000000 END",
              "escalation": "CASE WHEN new.escalated THEN 'waiting_long' END"}  # fmt: skip
_CLOSED = dict.fromkeys(("deadline_at", "due_at", "escalated_at", "escalation"), "NULL") | {"state": "'completed'"}


@dataclass(frozen=True, slots=True)
class Filled:
    """What is in the record now, with the ids of some that wait."""

    referrals: int
    waiting: int
    ids: list[str]


async def fill(network: BenchNetwork, waiting: int, closed: int) -> Filled:
    """Until so many wait and so many more are closed, and capacity has the claims of all."""
    submit_lines(network, submissions(ROUTED, seed=21))
    await quiet(network)
    return grow(network, waiting, closed)


def grow(network: BenchNetwork, waiting: int, closed: int) -> Filled:
    """As `fill`, of a network that has been filled: until so many wait, and `closed` more are closed."""
    network.network.supervisor.stop_part(SERVICES, "referral-worker")
    with closing(
        sqlite3.connect(network.plan.home.sql / "referral.sqlite3", isolation_level=None, timeout=60)
    ) as record:
        old = [one for (one,) in record.execute("SELECT id FROM referrals WHERE state = 'waiting' ORDER BY id")]
        multiply(record, old, waiting - len(old), closed=False)
        multiply(record, old, closed, closed=True)
        record.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        record.execute("ANALYZE")
        count, ids = record.execute("SELECT count(*) FROM referrals").fetchone()[0], _some(record)
    _rebuild(network)
    return Filled(count, waiting, ids)


def _rebuild(network: BenchNetwork) -> None:
    """Capacity from the record: it is emptied, and the worker finds it so when it starts."""
    with closing(Redis.from_url(network.plan.redis_url)) as redis:
        redis.flushdb()
    network.network.supervisor.start_part(SERVICES, "referral-worker")
    with network.client("referral", "operator") as operator:

        def is_whole() -> bool:
            answer = operator.get("/v1/audit")
            return answer.is_success and not answer.json()["differences"]

        until(is_whole, "capacity has every claim of the record", every=1)
    network.network.wait_ready()


def _some(record: sqlite3.Connection) -> list[str]:
    ids = [one for (one,) in record.execute("SELECT id FROM referrals WHERE state = 'waiting'")]
    return random.Random(5).sample(ids, min(2_000, len(ids)))


def multiply(record: sqlite3.Connection, old: list[str], count: int, *, closed: bool) -> None:
    """Add `count` referrals like those, submitted in the year before, or when they are closed in the ten before."""
    record.execute("CREATE TEMP TABLE IF NOT EXISTS new (old, id, number, child_id, at, later, escalated)")
    rows = _new(old, count, 10 if closed else 1, int(time.time() * 1000) - 3 * DAY - (365 * DAY if closed else 0))
    while part := list(islice(rows, PART)):
        record.execute("BEGIN IMMEDIATE")
        record.execute("DELETE FROM new")
        record.executemany("INSERT INTO new VALUES (?, ?, ?, ?, ?, ?, ?)", part)
        _copy(record, "referrals", "id", _CHANGED | (_CLOSED if closed else _ESCALATED))
        for name in () if closed else ("decisions", "history", "queue_entries"):
            _copy(record, name, "referral_id", {"referral_id": "new.id"})
        record.execute("COMMIT")


def _new(old: list[str], count: int, years: int, until: int) -> Iterator[tuple[str, str, str, str, int, int, bool]]:
    """Ids as of that time of submission, by time, as intake makes them (RFC 9562, version 7)."""
    chance = random.Random(count)
    for number, one in enumerate(islice(cycle(old), max(0, count))):
        at = until - years * 365 * DAY * (count - number) // count
        id = str(UUID(int=at << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)))
        child = str(UUID(int=chance.getrandbits(128), version=4))
        submitted = UUID(one).int >> 80
        yield one, id, short_number(id), child, at, at - submitted, number < ESCALATED * count


def _copy(record: sqlite3.Connection, name: str, key: str, changed: dict[str, str]) -> None:
    columns = [column for _, column, *_ in record.execute(f"PRAGMA table_info({name})")]
    values = ", ".join(changed.get(column, f"{name}.{column}") for column in columns)
    record.execute(
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {values} FROM new JOIN {name} ON {name}.{key} = new.old"
    )
