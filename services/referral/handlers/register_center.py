"""Registering a center: its entry is checked against the settlements, and saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.contracts.coordinates import misplaced
from services.contracts.reference import Settlement
from services.kit.versions import Expected
from services.referral.domain.registration import InvalidRegistration, Registration


class Centers(Protocol):
    """The registry's entries."""

    async def put_center(self, entry: Registration, expected: Expected) -> int:
        """The version afterwards; an unchanged entry changes nothing, and a programme that is left out is closed.

        Raises InvalidRegistration for a programme of another center, and VersionMoved.
        """
        ...


@dataclass(frozen=True)
class RegisterCenter:
    centers: Centers
    settlements: Mapping[str, Settlement]

    async def __call__(self, entry: Registration, expected: Expected) -> int:
        """The entry's version afterwards. Raises InvalidRegistration and VersionMoved."""
        settlement = self.settlements.get(entry.center.settlement_id)
        if settlement is None:
            raise InvalidRegistration("settlement_id", "unknown_settlement", "is no id of data/settlements.csv")
        if settlement.region_id != entry.center.region_id:
            raise InvalidRegistration("region_id", "wrong_region", f"the settlement lies in {settlement.region_id}")
        at = entry.center.latitude, entry.center.longitude
        if wrong := misplaced(*at, settlement, self.settlements.values()):
            raise InvalidRegistration("latitude", wrong.code, wrong.message)
        if len({one.id for one in entry.programmes}) < len(entry.programmes):
            raise InvalidRegistration("programmes", "repeated", "two programmes have the same id")
        return await self.centers.put_center(entry, expected)
