"""Rebuilding capacity from the record, and comparing the two: the calls between the referral service and capacity."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from services.contracts.claims import DataVersion, Id, ProgrammeCapacity, ProgrammeFigures, UnreadableClaim
from services.contracts.numbers import Attempt, AttemptOrNone, Count, Epoch, Rank
from services.contracts.vocabulary import ClaimState

BATCH = 1000
"""Programmes or claims that one call restores at most; a page has about as many."""


class GenerationState(StrEnum):
    OPEN = "open"
    REBUILDING = "rebuilding"
    """No data, data of another epoch or behind the version that was shown, or a rebuild that has not ended."""


class Generation(BaseModel):
    """The body of `GET /v1/rebuild`. `epoch` is the highest that capacity knows of, open or not."""

    state: GenerationState
    epoch: str | None = None


class NewGeneration(BaseModel, extra="forbid"):
    """The body of `POST /v1/rebuild` and `POST /v1/rebuild/open`."""

    epoch: Epoch


class ProgrammesToRestore(NewGeneration):
    programmes: tuple[ProgrammeCapacity, ...] = Field(max_length=BATCH)


class RestoredClaim(BaseModel, frozen=True, extra="forbid"):
    """A referral's claim by the record. One programme when held or occupied, every queue when waiting."""

    referral_id: UUID
    attempt: Attempt
    state: ClaimState
    rank: Rank = 0
    programme_ids: tuple[Id, ...] = ()


class ClaimsToRestore(NewGeneration):
    claims: tuple[RestoredClaim, ...] = Field(max_length=BATCH)


class Restored(BaseModel):
    """`refused` are the referrals with a place of a programme that was not restored."""

    refused: tuple[UUID, ...] = ()


class Opened(BaseModel):
    """The new generation is open; `handed_over` counts the places that went to waiting referrals."""

    data_version: DataVersion
    handed_over: Count


class KeptClaim(BaseModel, frozen=True):
    """A claim as capacity stores it. `queued` are its programmes whose queues have it at its rank."""

    referral_id: UUID
    attempt: AttemptOrNone
    state: ClaimState
    rank: Rank = 0
    programme_ids: tuple[str, ...] = ()
    queued: tuple[str, ...] = ()


class ClaimsPage(BaseModel):
    """A page of `GET /v1/claims`: when a claim comes twice, the later one is valid.

    The last page has `figures`: the claims of all pages and the figures are of its data version.
    """

    items: list[KeptClaim]
    data_version: DataVersion
    figures: tuple[ProgrammeFigures, ...] | None = None
    relayed: DataVersion | None = None
    """The last step that Kafka has acknowledged."""
    unreadable: list[UnreadableClaim] = []
    next: str | None = None


class ClaimsWanted(BaseModel, extra="forbid"):
    """The body of `POST /v1/claims/lookup`."""

    referral_ids: tuple[UUID, ...] = Field(max_length=BATCH)
