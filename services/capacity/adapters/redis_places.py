"""Programmes, their figures and queues on Redis or Valkey."""

from datetime import datetime
from uuid import UUID

from services.capacity.adapters.redis_claims import mark_of, seen_arguments
from services.capacity.adapters.redis_scripts import RedisScripts, Reply
from services.capacity.domain.entries import read_figures, to_ms
from services.capacity.ports import Snapshot, Turn, UnknownProgramme
from services.contracts.claims import ProgrammeAnswer, ProgrammeFigures, ProgrammeOpening


class RedisPlaces:
    """The Places port."""

    def __init__(self, scripts: RedisScripts) -> None:
        self._scripts = scripts

    async def open_programme(self, opening: ProgrammeOpening, at: datetime) -> ProgrammeAnswer:
        joining = [word for one in opening.waiting for word in (str(one.referral_id), one.attempt, one.rank)]
        arguments = [
            to_ms(at), *seen_arguments(opening.seen), opening.programme_id, opening.places,
            int(opening.suspended), to_ms(opening.confirmed_at),
            opening.center_id, opening.region_id, opening.modality.value, *joining,
        ]  # fmt: skip
        reply = await self._scripts.run("open_programme", [], arguments)
        return _answer(reply, opening.programme_id, at)

    async def set_places(
        self,
        programme_id: str,
        places: int,
        at: datetime,
        *,
        suspended: bool | None = None,
        center_id: str | None = None,
    ) -> ProgrammeAnswer:
        wanted = "" if suspended is None else int(suspended)
        moment = to_ms(at)
        arguments: list[str | int] = [moment, "", "", programme_id, places, wanted, moment, center_id or ""]
        reply = await self._scripts.run("set_places", [], arguments)
        return _answer(reply, programme_id, at)

    async def snapshot(self, now: datetime) -> Snapshot:
        reply = await self._scripts.run("figures", [], [to_ms(now), "", ""])
        return Snapshot(mark_of(reply), all_figures(reply[3:], now))

    async def queue(self, programme_id: str, after: Turn | None, limit: int) -> list[Turn]:
        key = self._scripts.queue_key(programme_id)
        first, ties = await self._behind(key, after.rank) if after else (0, 0)
        rows = await self._scripts.ask("ZRANGE", key, first, first + ties + limit - 1, "WITHSCORES")
        turns = [Turn(first + i, UUID(referral.decode()), int(rank)) for i, (referral, rank) in enumerate(rows, 1)]
        return [turn for turn in turns if after is None or _order(turn) > _order(after)][:limit]

    async def _behind(self, key: str, rank: int) -> tuple[int, int]:
        """How many turns have a smaller rank, and how many have this one."""
        ask = self._scripts.ask
        return await ask("ZCOUNT", key, "-inf", f"({rank}"), await ask("ZCOUNT", key, rank, rank)


def all_figures(flat: Reply, now: datetime) -> tuple[ProgrammeFigures, ...]:
    """The figures, by programme id, of (programme, record, waiting) one after the other."""
    rows = iter(flat)
    figures = [
        read_figures(programme.decode(), record.decode(), waiting, now)
        for programme, record, waiting in zip(rows, rows, rows, strict=True)
    ]
    return tuple(sorted(figures, key=lambda one: one.programme_id))


def _order(turn: Turn) -> tuple[int, str]:
    return turn.rank, str(turn.referral_id)


def _answer(reply: Reply, programme_id: str, at: datetime) -> ProgrammeAnswer:
    if reply[0] == b"unknown":
        raise UnknownProgramme(programme_id)
    mark = mark_of(reply)
    figures = read_figures(programme_id, reply[3].decode(), reply[4], at)
    return ProgrammeAnswer(**figures.model_dump(), mark=mark)
