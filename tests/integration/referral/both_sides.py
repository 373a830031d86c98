"""Both sides as they are at one moment, read past the services' own code: the record's tables, and Redis's keys."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis
from sqlalchemy import Row, select, text
from sqlmodel import Session

from services.contracts.vocabulary import ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.tables import ReferralRow

_QUERIES = {
    "referrals": select(ReferralRow.__table__),  # type: ignore[attr-defined]
    "offers": text("SELECT * FROM offers ORDER BY referral_id, attempt"),
    "history": text("SELECT * FROM history ORDER BY referral_id, version"),
    "decisions": text("SELECT d.* FROM decisions d JOIN referrals r ON r.id = d.referral_id AND r.attempt = d.attempt"),
}


@dataclass(frozen=True)
class Recorded:
    """One referral with its offers, its history, and the programmes of its newest decision."""

    number: int
    row: Row[Any]
    offers: list[Row[Any]]
    history: list[Row[Any]]
    candidates: tuple[str, ...]

    @property
    def state(self) -> ReferralState:
        return ReferralState(self.row.state)

    def is_due(self, now: datetime) -> bool:
        """Whether the sweep is to look at it at `now`."""
        return self.row.due_at is not None and self.row.due_at <= now


def read_record(database: Database) -> dict[int, Recorded]:
    """Every referral, by its number."""

    def work(session: Session) -> dict[str, list[Row[Any]]]:
        return {name: list(session.connection().execute(query)) for name, query in _QUERIES.items()}

    found = database.snapshot(work)
    offers, history = _by_referral(found["offers"]), _by_referral(found["history"])
    candidates = {one.referral_id: tuple(c[0] for c in orjson.loads(one.candidates)) for one in found["decisions"]}
    recorded = [
        Recorded(UUID(row.id).int, row, offers[row.id], history[row.id], candidates.get(row.id, ()))
        for row in found["referrals"]
    ]
    return {one.number: one for one in recorded}


def read_figures(database: Database) -> dict[str, tuple[int, bool]]:
    """By programme: places and suspension as the registry has them."""
    query = text("SELECT id, places, suspended FROM programmes")
    found = database.snapshot(lambda session: list(session.connection().execute(query)))
    return {row.id: (row.places, bool(row.suspended)) for row in found}


def _by_referral(rows: list[Row[Any]]) -> defaultdict[str, list[Row[Any]]]:
    found = defaultdict[str, list[Row[Any]]](list)
    for row in rows:
        found[row.referral_id].append(row)
    return found


@dataclass(frozen=True)
class Figure:
    places: int
    held: int
    occupied: int
    suspended: bool

    @property
    def free(self) -> int:
        return 0 if self.suspended else max(0, self.places - self.held - self.occupied)


@dataclass(frozen=True)
class Claim:
    attempt: int
    state: str
    rank: int = 0
    programmes: tuple[str, ...] = ()

    def stands_at(self, programme_id: str) -> bool:
        return self.state == "waiting" and programme_id in self.programmes


@dataclass(frozen=True)
class Kept:
    """What Redis keeps, and of which generation; `epoch` is None while nothing is granted."""

    epoch: str | None
    figures: dict[str, Figure]
    claims: dict[int, Claim]
    queues: dict[str, list[tuple[int, int]]]


async def read_kept(redis: Redis, prefix: str, numbers: list[int], programmes: list[str]) -> Kept:
    """The claims of these referrals, and the queues of these programmes as (rank, number)."""
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hgetall(f"{{{prefix}}}:programmes")
        for name in programmes:
            pipeline.zrange(f"{{{prefix}}}:queue:{name}", 0, -1, withscores=True)
        pipeline.mget([f"{{{prefix}}}:claim:{UUID(int=number)}" for number in numbers or [0]])
        table, *turns, claims = await pipeline.execute()
    fields = {name.decode(): value.decode() for name, value in table.items()}
    return Kept(
        fields.get("@epoch"),
        {name: _figure(value) for name, value in fields.items() if not name.startswith("@")},
        {number: _claim(value.decode()) for number, value in zip(numbers, claims, strict=False) if value},
        {
            name: [(int(rank), UUID(referral.decode()).int) for referral, rank in queue]
            for name, queue in zip(programmes, turns, strict=True)
        },
    )


def _figure(record: str) -> Figure:
    places, held, occupied, suspended, *_ = record.split(" ")
    return Figure(int(places), int(held), int(occupied), suspended == "1")


def _claim(words: str) -> Claim:
    attempt, state, *rest = words.split(" ")
    return Claim(int(attempt), state, int(rest[0]) if rest else 0, tuple(rest[1:]))
