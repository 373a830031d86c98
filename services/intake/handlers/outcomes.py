"""The outcomes of one submission."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.contracts.vocabulary import Priority
from services.intake.domain.field_errors import FieldError


@dataclass(frozen=True, slots=True)
class Recorded:
    """Stored together with its event. `replayed`: an earlier request with the same idempotency key did it.

    `warnings` are those of the submission, and of a possible duplicate.
    """

    referral_id: UUID
    child_id: UUID
    priority: Priority
    submitted_at: datetime
    replayed: bool = False
    warnings: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenReferralExists:
    """Refused: the child has an open referral already."""

    referral_id: UUID


@dataclass(frozen=True, slots=True)
class PossibleDuplicate:
    """Refused: open referrals are of a child born that day, of that sex, with that guardian's phone.

    Named are those of the polyclinic that asks. Not an answer to an idempotency key: it may be sent again, explained.
    """

    referral_ids: tuple[UUID, ...]


def possible_duplicate(new: UUID, own: Collection[UUID]) -> FieldError:
    """The warning about the referral `new` of a child with an IIN; `own` are the alike ones that the asker may see."""
    why = "of a child without an IIN with the same birth date, sex and guardian's phone"
    if not own:
        told = f"an open referral of another polyclinic is {why}: if it is the same child, an operator can join the two"
    else:
        joins = ", ".join(f"joldama join {one} {new}" for one in sorted(own))
        told = f"open referral {' and '.join(map(str, sorted(own)))} is {why}: if it is the same child: {joins}"
    return FieldError("child.iin", "possible_duplicate", told)


@dataclass(frozen=True, slots=True)
class KeyReused:
    """Refused: an earlier request had the same idempotency key and another body."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """Refused for these errors."""

    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Not recorded, as far as is known, because the database failed: the client may send it again."""


Outcome = Recorded | OpenReferralExists | PossibleDuplicate | KeyReused
"""The outcome of a valid submission."""
