"""When places come free, and when a waiting child's turn comes: capacity has the queues, the record who has a place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.contracts.claims import QueueTurn
from services.referral.domain.days import day_of
from services.referral.domain.forecast import NoDate, Outlook, how, outlook
from services.referral.domain.staleness import Staleness
from services.referral.ports import CapacityMissing, Clock, Missing, Queues, Supplies, Supply, Wanted


@dataclass(frozen=True, slots=True)
class QueueForecast:
    """One queue: a date and how it came about, or the reason why there is none."""

    supply: Supply
    outlook: Outlook
    position: int
    length: int
    estimated_on: date | None
    how: str | None
    reason: NoDate | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """A waiting referral's queues, its nearest programme first, and the earliest date of them."""

    estimated_on: date | None
    how: str
    queues: tuple[QueueForecast, ...]


@dataclass(frozen=True, slots=True)
class ProgrammeForecast:
    """A programme's places, and the day for a child that would join its queue now, when that is known."""

    supply: Supply
    outlook: Outlook
    waiting: int | None
    stale: bool

    @property
    def for_new_child(self) -> date | None:
        return None if self.waiting is None else self.outlook.turn_on(self.waiting + 1)


@dataclass(frozen=True)
class Foresee:
    """Reads only. What capacity cannot tell now is missing, and the rest is told."""

    queues: Queues
    supplies: Supplies
    clock: Clock
    staleness: Staleness

    async def referral(self, referral_id: UUID, center_id: str | None = None) -> Forecast | Missing | None:
        """The forecast of a waiting referral, or why there is none; of one center's queues only, when it is named."""
        try:
            turns = (await self.queues.turns(referral_id)).turns
        except CapacityMissing as missing:
            return missing.why
        supplies = await self.supplies.of([one.programme_id for one in turns])
        known = [(supplies[one.programme_id], one) for one in turns if one.programme_id in supplies]
        if not known:
            return Missing.NOT_QUEUED
        today = day_of(self.clock())
        queues = [_queue(supply, turn, today) for supply, turn in known if center_id in (None, supply.center_id)]
        return _forecast(queues) if queues else None

    async def programmes(
        self, wanted: Wanted, after: str | None, limit: int
    ) -> tuple[list[ProgrammeForecast], Missing | None]:
        """Up to `limit` programmes behind the id `after`, and why it is not known how many wait, when it is not."""
        found, waiting, missing = await self.supplies.listed(wanted, after, limit), dict[str, int](), None
        try:
            waiting |= await self.queues.waiting(wanted.region_id) if found else {}
        except CapacityMissing as error:
            missing = error.why
        now = self.clock()
        return [self._programme(one, waiting.get(one.programme_id), now) for one in found], missing

    def _programme(self, one: Supply, waiting: int | None, now: datetime) -> ProgrammeForecast:
        stale = self.staleness.is_stale(one.confirmed_at, now)
        return ProgrammeForecast(one, _outlook(one, day_of(now)), waiting, stale)


def _outlook(supply: Supply, today: date) -> Outlook:
    return outlook(supply.places, supply.course_days, supply.suspended, supply.uses, today)


def _queue(supply: Supply, turn: QueueTurn, today: date) -> QueueForecast:
    found = _outlook(supply, today)
    words = None if found.no_date else how(found, turn.position, turn.length)
    day = found.turn_on(turn.position)
    return QueueForecast(supply, found, turn.position, turn.length, day, words, found.no_date)


def _forecast(queues: Sequence[QueueForecast]) -> Forecast:
    dated = [(one.estimated_on, one) for one in queues if one.estimated_on]
    if not dated:
        why = Counter(str(one.reason).replace("_", " ") for one in queues)
        reasons = ", ".join(f"{reason}: {count}" for reason, count in why.items())
        return Forecast(None, f"None of its {len(queues)} queues has a date ({reasons}).", tuple(queues))
    on, first = min(dated, key=lambda pair: pair[0])
    where = f"At {first.supply.center_name} ({first.supply.programme_id}), the earliest of {len(queues)} queues: "
    words = first.how or ""
    return Forecast(on, (where if len(queues) > 1 else "") + words, tuple(queues))
