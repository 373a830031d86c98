"""Supplies and queues as polyclinics see them: they change at ticks, and for many centers together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.contracts.claims import ClaimPositions
from services.contracts.coarse import coarsen
from services.referral.domain.forecast import Use
from services.referral.handlers.all_supplies import AllSupplies
from services.referral.ports import CapacityUnavailable, Clock, QueuePositions, RecordedSupplies, Supply


@dataclass
class PublishedSupplies(AllSupplies):
    """Read when somebody asks and the last reading is a tick old. Why: `services/contracts/coarse.py`."""

    supplies: RecordedSupplies
    queues: QueuePositions
    clock: Clock
    every: timedelta
    centers: int
    _read_at: datetime | None = None
    _supplies: dict[str, Supply] | None = None
    _waiting: Mapping[str, int] = field(default_factory=dict)

    async def positions(self, referral_id: UUID) -> ClaimPositions:
        """Of a child of the polyclinic's own."""
        return await self.queues.positions(referral_id)

    async def waiting(self, region_id: str | None) -> Mapping[str, int]:
        """The lengths of the queues when the use of the places was published; raises CapacityUnavailable."""
        await self.everything()
        if not self._waiting:
            self._waiting = await self.queues.waiting(None)
        return self._waiting

    async def everything(self) -> dict[str, Supply]:
        now = self.clock()
        if self._supplies is None or self._read_at is None or now - self._read_at >= self.every:
            fresh = await self.supplies.read()
            before, self._read_at = self._supplies, now
            self._supplies = coarsen(before, fresh, self.centers, _in_use, _counted_as)
            if before is None or any(self._supplies[one.programme_id] is one for one in fresh if _moved(before, one)):
                await self._read_queues()
        return self._supplies

    async def _read_queues(self) -> None:
        try:
            self._waiting = await self.queues.waiting(None)
        except CapacityUnavailable:
            self._waiting = {}


def _in_use(one: Supply) -> Counter[Use]:
    """In no order: the record has none."""
    return Counter(one.uses)


def _moved(before: Mapping[str, Supply], one: Supply) -> bool:
    return one.programme_id in before and _in_use(before[one.programme_id]) != _in_use(one)


def _counted_as(before: Supply, one: Supply) -> Supply:
    return replace(one, uses=before.uses)
