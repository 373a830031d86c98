"""What becomes of one submission."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.contracts.vocabulary import Priority
from services.intake.domain.validation import FieldError


@dataclass(frozen=True, slots=True)
class Recorded:
    """Stored, with its event beside it. `replayed`: it had been stored before, under the same idempotency key."""

    referral_id: UUID
    child_id: UUID
    priority: Priority
    submitted_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class OpenReferralExists:
    """Refused: the child has an open referral already."""

    referral_id: UUID
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class KeyReused:
    """Refused: the idempotency key came with another body before."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """Refused: every field that cannot be taken."""

    errors: tuple[FieldError, ...]


Outcome = Recorded | OpenReferralExists | KeyReused
"""What the record says of a draft."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Not recorded, as far as is known, because the database failed: to be sent again."""
