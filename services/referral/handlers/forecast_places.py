"""Forecasting places: capacity has the queues, the record the use of places."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from services.contracts.claims import QueuePosition
from services.contracts.days import day_of
from services.referral.domain.forecast import NoDate, Outlook, outlook
from services.referral.domain.staleness import Staleness
from services.referral.ports import CapacityUnavailable, Clock, QueuePositions, Supplies, Supply, Unavailable, Wanted


@dataclass(frozen=True, slots=True)
class QueueForecast:
    """One queue: the estimated day, or the reason why there is none."""

    supply: Supply
    outlook: Outlook
    position: int
    length: int

    @property
    def estimated_on(self) -> date | None:
        return self.outlook.next_on(self.position)

    @property
    def reason(self) -> NoDate | None:
        return self.outlook.no_date


@dataclass(frozen=True, slots=True)
class Forecast:
    """A waiting referral's queues."""

    queues: tuple[QueueForecast, ...]

    @property
    def earliest(self) -> QueueForecast | None:
        """The queue with the earliest day; None when none has a day."""
        dated = [(one.estimated_on, one) for one in self.queues if one.estimated_on]
        return min(dated, key=lambda pair: pair[0])[1] if dated else None


@dataclass(frozen=True, slots=True)
class ProgrammeForecast:
    """A programme's places, and the day for a child who would join its queue now, when its queue is known."""

    supply: Supply
    outlook: Outlook
    waiting: int | None
    stale: bool

    @property
    def for_new_child(self) -> date | None:
        return None if self.waiting is None else self.outlook.next_on(self.waiting + 1)


@dataclass(frozen=True, eq=False)
class ForecastPlaces:
    """Reads only. What capacity cannot answer now is left out, with the reason."""

    queues: QueuePositions
    supplies: Supplies
    clock: Clock
    staleness: Staleness
    _outlooks: dict[str, tuple[Supply, Outlook]] = field(default_factory=dict, init=False, repr=False)
    """By programme the last one: it is the same while its supply is, and the day."""

    async def referral(self, referral_id: UUID) -> Forecast | Unavailable:
        """The forecast of a waiting referral, or why there is none."""
        try:
            positions = (await self.queues.positions(referral_id)).positions
        except CapacityUnavailable as error:
            return error.reason
        supplies = await self.supplies.of([one.programme_id for one in positions])
        known = [(supplies[one.programme_id], one) for one in positions if one.programme_id in supplies]
        if not known:
            return Unavailable.NOT_QUEUED
        today = day_of(self.clock())
        return Forecast(tuple(self._queue(supply, one, today) for supply, one in known))

    async def programmes(
        self, wanted: Wanted, after: str | None, limit: int
    ) -> tuple[Sequence[ProgrammeForecast], Unavailable | None]:
        """Up to `limit` programmes behind the id `after`, and why their queues are not known, when they are not."""
        found, waiting, unavailable = await self.supplies.listed(wanted, after, limit), dict[str, int](), None
        try:
            waiting |= await self.queues.waiting(wanted.region_id) if found else {}
        except CapacityUnavailable as error:
            unavailable = error.reason
        now = self.clock()
        return [self._programme(one, waiting.get(one.programme_id), now) for one in found], unavailable

    def _programme(self, one: Supply, waiting: int | None, now: datetime) -> ProgrammeForecast:
        stale = self.staleness.is_stale(one.confirmed_at, now)
        return ProgrammeForecast(one, self._outlook(one, day_of(now)), waiting, stale)

    def _queue(self, supply: Supply, one: QueuePosition, today: date) -> QueueForecast:
        return QueueForecast(supply, self._outlook(supply, today), one.position, one.length)

    def _outlook(self, supply: Supply, today: date) -> Outlook:
        of, known = self._outlooks.get(supply.programme_id, (None, None))
        if known is None or of is not supply or known.today != today:
            known = outlook(supply.places, supply.course_days, supply.suspended, supply.uses, today)
            self._outlooks[supply.programme_id] = supply, known
        return known
