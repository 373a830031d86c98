"""Supplies that are read all at once, and kept for whoever asks soon."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from services.kit.kept import Kept
from services.referral.ports import Clock, RecordedSupplies, Supply, Wanted


class AllSupplies(ABC):
    """The Supplies port on all of them."""

    @abstractmethod
    async def everything(self) -> Mapping[str, Supply]:
        """All programmes by id, in order."""

    async def of(self, programme_ids: Collection[str]) -> Mapping[str, Supply]:
        known = await self.everything()
        return {id: known[id] for id in programme_ids if id in known}

    async def listed(self, wanted: Wanted, after: str | None, limit: int) -> Sequence[Supply]:
        """Up to `limit` programmes behind the id `after`, by id."""
        found = (await self.everything()).values()
        return [one for one in found if one.programme_id > (after or "") and _is_wanted(one, wanted)][:limit]


class KeptSupplies(AllSupplies):
    """As they were in the record up to `every` ago: reading the use of a country's places takes a hundred answers."""

    def __init__(self, supplies: RecordedSupplies, clock: Clock, every: timedelta) -> None:
        self._supplies, self._kept = supplies, Kept[Mapping[str, Supply]](clock, every)

    async def everything(self) -> Mapping[str, Supply]:
        return await self._kept(self._read)

    async def _read(self) -> Mapping[str, Supply]:
        return {one.programme_id: one for one in await self._supplies.read()}


def _is_wanted(one: Supply, wanted: Wanted) -> bool:
    pairs = (
        (wanted.center_id, one.center_id),
        (wanted.region_id, one.region_id),
        (wanted.programme_id, one.programme_id),
    )
    return all(asked in (None, is_) for asked, is_ in pairs)
