"""What a family is told without a token: by its code and the child's birth date, and never a name or a diagnosis."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from services.contracts.family import FamilyOutlook
from services.intake.domain.family_codes import FamilyCode
from services.intake.handlers.access import Referrals
from services.kit.audit import note


@dataclass(frozen=True, slots=True)
class Found:
    """The referral of a code, with its child's birth date."""

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    birth_date: date


class FamilyCodes(Protocol):
    """The codes of the recorded referrals."""

    async def code(self, referral_id: UUID) -> str:
        """The referral's code; it holds as long as intake has the index key of now."""
        ...

    async def find(self, code: FamilyCode) -> Found | None:
        """The referral of a code; None also for an erased child, and after its consent was withdrawn."""
        ...


@dataclass(frozen=True, slots=True)
class TellingFamilies:
    """A family's look at its referral."""

    codes: FamilyCodes
    referrals: Referrals

    async def tell(self, code: FamilyCode, birth_date: date) -> tuple[Found, FamilyOutlook] | None:
        """The referral as it is now; None when the code or the birth date is another. Raises TransientError."""
        found = await self.codes.find(code)
        if found is None:
            return None
        note(referral_id=found.referral_id, child_id=found.child_id)
        if found.birth_date != birth_date:
            return None
        return found, await self.referrals.outlook(found.referral_id)
