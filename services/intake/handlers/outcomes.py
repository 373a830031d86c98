"""The outcomes of one submission."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.contracts.vocabulary import Priority
from services.intake.domain.field_errors import FieldError

POSSIBLE_DUPLICATE = "possible_duplicate"


@dataclass(frozen=True, slots=True)
class Met:
    """An open referral that a submission met. One that is not the asker's own is never named to it."""

    referral_id: UUID
    own: bool


def own_ids(met: Collection[Met]) -> list[UUID]:
    """The referrals that the asker may be told of."""
    return sorted(one.referral_id for one in met if one.own)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Stored together with its event. `replayed`: an earlier request with the same idempotency key did it.

    `warnings` are those of the submission, and of a possible duplicate; `met` are the referrals that it may repeat.
    """

    referral_id: UUID
    child_id: UUID
    priority: Priority
    submitted_at: datetime
    replayed: bool = False
    warnings: tuple[FieldError, ...] = ()
    met: tuple[Met, ...] = ()

    @property
    def named(self) -> list[UUID]:
        """The referrals that the warning names."""
        return own_ids(self.met)

    def without_duplicates(self) -> "Recorded":
        """Without the warning of a possible duplicate."""
        return replace(self, warnings=tuple(one for one in self.warnings if one.code != POSSIBLE_DUPLICATE))


@dataclass(frozen=True, slots=True)
class OpenReferralExists:
    """Refused: the child has an open referral already, the first of those that were met."""

    met: tuple[Met, ...]

    @property
    def named(self) -> list[UUID]:
        """The referral, when the asker may be told of it."""
        return own_ids(self.met[:1])


@dataclass(frozen=True, slots=True)
class PossibleDuplicate:
    """Refused: open referrals are of a child born that day, of that sex, with that guardian's phone.

    Not an answer to an idempotency key: it may be sent again, explained.
    """

    met: tuple[Met, ...]

    @property
    def named(self) -> list[UUID]:
        """Those that the asker may be told of; when there are some, the others are not mentioned."""
        return own_ids(self.met)


def possible_duplicate(new: UUID, met: Collection[Met]) -> FieldError:
    """The warning about the referral `new` of a child with an IIN, and the alike ones that it met."""
    own = own_ids(met)
    why = "of a child without an IIN with the same birth date, sex and guardian's phone"
    if not own:
        told = f"an open referral of another polyclinic is {why}: if it is the same child, an operator can join the two"
    else:
        joins = ", ".join(f"joldama join {one} {new}" for one in own)
        told = f"open referral {' and '.join(map(str, own))} is {why}: if it is the same child: {joins}"
    return FieldError("child.iin", POSSIBLE_DUPLICATE, told)


@dataclass(frozen=True, slots=True)
class KeyReused:
    """Refused: an earlier request had the same idempotency key and another body."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """Refused for these errors."""

    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Not recorded, as far as is known: the database failed, or nobody could say whether an earlier referral is over.

    The client may send it again.
    """


Outcome = Recorded | OpenReferralExists | PossibleDuplicate | KeyReused | Unavailable
"""The outcome of a valid submission."""
