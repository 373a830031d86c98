"""Who has a referral now, in the referral service's words: asked at each read and each act that rests on it."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from services.contracts.access import ReferralAccess
from services.contracts.authority import Holder
from services.contracts.family import FamilyOutlook
from services.contracts.vocabulary import Role

Known = Mapping[UUID, ReferralAccess]
"""By referral; one that is missing is not routed yet: it is open, and no center has it."""


class Referrals(Protocol):
    """The referral service. It is asked while no transaction is open."""

    async def ask(self, referral_ids: Collection[UUID]) -> Known:
        """Those that are routed, as they are now. Raises TransientError when that cannot be had."""
        ...

    async def outlook(self, referral_id: UUID) -> FamilyOutlook:
        """What its family is told. Raises TransientError."""
        ...


def closed(known: Known) -> frozenset[UUID]:
    """The referrals that are over; none of them is ever opened again."""
    return frozenset(id for id, one in known.items() if one.closed)


def offered(known: Known, reader: Holder) -> frozenset[UUID]:
    """The referrals that are offered to `reader`, as a center, now."""
    if Role.CENTER not in reader.roles or not reader.org:
        return frozenset()
    return frozenset(id for id, one in known.items() if one.center_id == reader.org)
