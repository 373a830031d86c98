"""Record and capacity at one moment, read past the services' own code: the tables' rows, and Redis's keys."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import Executable, Row, select, text
from sqlmodel import Session

from services.contracts.vocabulary import ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.tables import ReferralRow

_QUERIES: dict[str, Executable] = {
    "referrals": select(ReferralRow.__table__),  # type: ignore[attr-defined]
    "offers": text("SELECT * FROM offers ORDER BY referral_id, attempt"),
    "history": text("SELECT * FROM history ORDER BY referral_id, version"),
    "entries": text(
        "SELECT q.* FROM queue_entries q JOIN referrals r ON r.id = q.referral_id AND r.attempt = q.attempt"
        " ORDER BY q.referral_id, q.programme_id"
    ),
}


@dataclass(frozen=True)
class RecordedReferral:
    """One referral with its offers, its history, and the programmes whose queues it joined under its attempt."""

    number: int
    row: Row[Any]
    offers: list[Row[Any]]
    history: list[Row[Any]]
    queues: tuple[str, ...]

    @property
    def state(self) -> ReferralState:
        return ReferralState(self.row.state)

    @property
    def is_reviewed(self) -> bool:
        """With the router after a review: no offer was made under its attempt, and its queue entries are kept."""
        offered = {offer.attempt for offer in self.offers}
        return self.state is ReferralState.SUBMITTED and bool(self.queues) and self.row.attempt not in offered

    def is_due(self, now: datetime) -> bool:
        """Whether its deadline step is due at `now`."""
        return self.row.due_at is not None and self.row.due_at <= now


def read_record(database: Database) -> dict[int, RecordedReferral]:
    """Every referral, by its number."""

    def work(session: Session) -> dict[str, list[Row[Any]]]:
        return {name: list(session.connection().execute(query)) for name, query in _QUERIES.items()}

    found = database.snapshot(work)
    offers, history, entries = (_by_referral(found[name]) for name in ("offers", "history", "entries"))
    recorded = [
        RecordedReferral(
            UUID(row.id).int, row, offers[row.id], history[row.id], tuple(one.programme_id for one in entries[row.id])
        )
        for row in found["referrals"]
    ]
    return {one.number: one for one in recorded}


def read_figures(database: Database) -> dict[str, tuple[int, bool]]:
    """By programme: places and suspension by the registry; a closed programme has no places."""
    query = text(
        "SELECT p.id, CASE WHEN p.closed THEN 0 ELSE coalesce(f.places, 0) END AS places, f.suspended"
        " FROM programmes p LEFT JOIN figures f ON f.programme_id = p.id"
    )
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

    def waits_for(self, programme_id: str) -> bool:
        return self.state == "waiting" and programme_id in self.programmes


@dataclass(frozen=True)
class CapacitySnapshot:
    """Redis's data, and of which generation; `epoch` is None while nothing is granted."""

    epoch: str | None
    figures: dict[str, Figure]
    claims: dict[int, Claim]
    queues: dict[str, list[tuple[int, int]]]


async def read_capacity(redis: Redis, prefix: str, numbers: list[int], programmes: list[str]) -> CapacitySnapshot:
    """The claims of these referrals, and the queues of these programmes as (rank, number)."""
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hgetall(f"{{{prefix}}}:programmes")
        for name in programmes:
            pipeline.zrange(f"{{{prefix}}}:queue:{name}", 0, -1, withscores=True)
        pipeline.mget([f"{{{prefix}}}:claim:{UUID(int=number)}" for number in numbers or [0]])
        table, *queues, claims = await pipeline.execute()
    fields = {name.decode(): value.decode() for name, value in table.items()}
    return CapacitySnapshot(
        fields.get("@epoch"),
        {name: _figure(value) for name, value in fields.items() if not name.startswith("@")},
        {number: _claim(value.decode()) for number, value in zip(numbers, claims, strict=False) if value},
        {
            name: [(int(rank), UUID(referral.decode()).int) for referral, rank in queue]
            for name, queue in zip(programmes, queues, strict=True)
        },
    )


def _figure(record: str) -> Figure:
    places, held, occupied, suspended, *_ = record.split(" ")
    return Figure(int(places), int(held), int(occupied), suspended == "1")


def _claim(words: str) -> Claim:
    attempt, state, *rest = words.split(" ")
    return Claim(int(attempt), state, int(rest[0]) if rest else 0, tuple(rest[1:]))
