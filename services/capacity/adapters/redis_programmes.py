"""Programmes, their figures and queues on Redis or Valkey."""

from datetime import datetime
from uuid import UUID

from services.capacity.adapters.redis_scripts import RedisScripts, Reply, version_of
from services.capacity.adapters.unreadable import set_aside
from services.capacity.domain.entries import UNREADABLE, read_figures, to_ms, unreadable
from services.capacity.domain.figures import Staleness
from services.capacity.ports import Snapshot
from services.contracts.claims import ProgrammeAnswer, ProgrammeCapacity, ProgrammeFigures, ProgrammeOpening, QueueEntry


class RedisProgrammes:
    """The Programmes port."""

    def __init__(self, scripts: RedisScripts, staleness: Staleness) -> None:
        self._scripts, self._staleness = scripts, staleness

    async def open_programme(self, opening: ProgrammeOpening, at: datetime) -> ProgrammeAnswer:
        words = list(programme_arguments(opening))
        for one in opening.waiting:
            words += str(one.referral_id), one.attempt, one.rank
        reply = await self._scripts.run("open_programme", *words, at=at, seen=opening.seen)
        figures = read_figures(opening.programme_id, reply[3].decode(), reply[4], at, self._staleness)
        return ProgrammeAnswer(**figures.model_dump(), data_version=version_of(reply))

    async def snapshot(self, now: datetime) -> Snapshot:
        reply = await self._scripts.run("figures")
        return Snapshot(version_of(reply), all_figures(reply[3:], now, self._staleness))

    async def queue(self, programme_id: str, after: tuple[int, UUID] | None, limit: int) -> list[QueueEntry]:
        key = self._scripts.queue_key(programme_id)
        first = ties = 0
        if after:
            rank, _ = after
            first = await self._scripts.ask("ZCOUNT", key, "-inf", f"({rank}")
            ties = await self._scripts.ask("ZCOUNT", key, rank, rank)
        rows = await self._scripts.ask("ZRANGE", key, first, first + ties + limit - 1, "WITHSCORES")
        read = (_entry(position, *row) for position, row in enumerate(rows, first + 1))
        found = [one for one in read if one is not None]
        return [one for one in found if after is None or (one.rank, one.referral_id) > after][:limit]


def _entry(position: int, referral: bytes, rank: bytes) -> QueueEntry | None:
    """An entry of a queue; None for one that no script made."""
    try:
        return QueueEntry(position=position, referral_id=UUID(referral.decode()), rank=int(rank))
    except UNREADABLE as error:
        set_aside("queue_entry", repr(referral)[:100], unreadable(error))
        return None


def programme_arguments(one: ProgrammeCapacity) -> tuple[str | int, ...]:
    """A programme as the scripts take it."""
    return (
        one.programme_id, one.places, int(one.suspended), to_ms(one.confirmed_at) if one.confirmed_at else 0,
        one.version, one.center_id, one.region_id, one.modality.value,
    )  # fmt: skip


def all_figures(flat: Reply, now: datetime, staleness: Staleness) -> tuple[ProgrammeFigures, ...]:
    """The figures by programme id, from (programme, record, waiting) one after the other."""
    rows, figures = iter(flat), list[ProgrammeFigures]()
    for programme, record, waiting in zip(rows, rows, rows, strict=True):
        try:
            figures.append(read_figures(programme.decode(), record.decode(), waiting, now, staleness))
        except UNREADABLE as error:  # the audit finds the programme missing
            set_aside("programme", programme.decode(errors="replace"), unreadable(error))
    return tuple(sorted(figures, key=lambda one: one.programme_id))
