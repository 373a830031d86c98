"""Erasing a child: its key is destroyed, and nothing that was sealed by it opens again. What is counted stays."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.contracts.authority import Holder
from services.contracts.vocabulary import Role
from services.intake.handlers.access import Referrals, closed


class StillOpen(Exception):
    """The child has an open referral, which is to be cancelled first."""

    def __init__(self, referral_id: UUID) -> None:
        super().__init__("the child has an open referral")
        self.referral_id = referral_id


class HeldByOthers(Exception):
    """Another polyclinic has referrals of the child too: an administrator decides."""


@dataclass(frozen=True, slots=True)
class Erased:
    """The child was erased at that moment; so many of its referrals stay, without anything personal."""

    child_id: UUID
    erased_at: datetime
    referrals: int


class Erasures(Protocol):
    """The recorded children, as they are erased."""

    async def ids(self, child_id: UUID) -> list[UUID]:
        """The child's referrals, whoever has them."""
        ...

    async def erase(
        self, holder: Holder, role: Role, child_id: UUID, closed: frozenset[UUID], at: datetime
    ) -> Erased | None:
        """Erase the child and those joined into it, audited, durable; repeating it changes nothing.

        The referrals in `closed` are over. None when it does not exist, or `holder`, as a polyclinic, has no referral
        of it. Raises StillOpen, HeldByOthers.
        """
        ...


@dataclass(frozen=True, slots=True)
class Erasing:
    """Erasures by the polyclinic that alone has the child, on the guardian's request, or by an administrator."""

    erasures: Erasures
    referrals: Referrals
    now: Callable[[], datetime]

    async def erase(self, holder: Holder, role: Role, child_id: UUID) -> Erased | None:
        """As `Erasures.erase`, now. Raises TransientError while the referral service does not answer."""
        over = closed(await self.referrals.ask(await self.erasures.ids(child_id)))
        return await self.erasures.erase(holder, role, child_id, over, self.now())
