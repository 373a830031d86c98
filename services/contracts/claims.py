"""Claims on places and figures of programmes: the referral service's calls to capacity, and the answers."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StringConstraints

from services.contracts.numbers import Attempt, AttemptOrNone, Count, Epoch, Moment, Places, Rank, Sequence, Version
from services.contracts.vocabulary import ClaimState, Modality

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=100)]
"""A programme's, center's or region's id."""

Traceparent = Annotated[str, StringConstraints(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
"""W3C Trace Context."""

Tier = Annotated[tuple[Id, ...], Field(min_length=1)]


class DataVersion(BaseModel, frozen=True):
    """The epoch (generation) of capacity's data, and the sequence of its last step, which grows within an epoch."""

    epoch: Epoch
    sequence: Sequence


class ClaimRequest(BaseModel, frozen=True, extra="forbid"):
    """A claim to hold the first free place among the candidates, or to wait for one."""

    referral_id: UUID
    attempt: Attempt
    rank: Rank = Field(description="Milliseconds; the smaller goes first")
    candidates: tuple[Tier, ...] = Field(
        min_length=1,
        description="Programme ids in tiers, the preferred tier first. Within a tier (the same distance) "
        "the programme with more free places is taken, then the one named first.",
    )
    retain: StrictBool = Field(
        False,
        description="No offer was made under the attempt before: a place that was handed over under it is retained, "
        "when it is among the candidates and no preferred one has a free place",
    )
    at: Moment
    traceparent: Traceparent | None = Field(None, description="The trace of what this claim is made for")


class ClaimResult(BaseModel, frozen=True):
    """The referral's claim after the step. `free` counts the free places at each candidate just before it."""

    referral_id: UUID
    attempt: AttemptOrNone
    state: ClaimState
    programme_id: str | None = None
    repeated: bool = False
    """The same attempt had been claimed before; the claim is unchanged."""
    free: dict[str, Count] = {}
    queues: tuple[str, ...] = ()
    """The programmes of a claim that was waiting before this call."""


class QueuePosition(BaseModel, frozen=True):
    """A referral's position in one programme's queue: 1 is next, of `length` waiting."""

    programme_id: str
    position: Count
    length: Count


class QueueEntry(BaseModel, frozen=True):
    """A referral in a programme's queue; `position` counts from 1."""

    position: Count
    referral_id: UUID
    rank: Rank = Field(description="Milliseconds; the smaller goes first")


class ClaimPositions(ClaimResult):
    """A claim, and its positions while it waits, in the order of its candidates."""

    data_version: DataVersion
    positions: tuple[QueuePosition, ...] = ()


class UnreadableClaim(BaseModel, frozen=True):
    """A claim in capacity's store that is none: it is set aside until capacity is rebuilt from the record."""

    referral_id: UUID
    reason: str


class ClaimPositionsBatch(BaseModel):
    """The answer of `POST /v1/claims/positions`: each referral that was asked for is in one of both."""

    items: tuple[ClaimPositions, ...]
    unreadable: tuple[UnreadableClaim, ...] = ()


class ClaimsBatch(BaseModel, extra="forbid"):
    """Claims in order. `seen` is the newest data version in the caller's record.

    Data of another epoch, or behind that version, takes no claim (503 `rebuilding`).
    """

    seen: DataVersion | None = None
    claims: tuple[ClaimRequest, ...] = Field(max_length=1000)


class ClaimChange(BaseModel, frozen=True, extra="forbid"):
    """A release or an occupation: of what the referral has under this attempt."""

    referral_id: UUID
    attempt: Attempt


class ClaimChangesBatch(BaseModel, extra="forbid"):
    """The body of `POST /v1/claims/release` and `POST /v1/claims/occupy`: changes in order."""

    seen: DataVersion | None = None
    changes: tuple[ClaimChange, ...] = Field(max_length=1000)


class ClaimsBatchResult(BaseModel):
    """One result a claim or change, in the same order, and the data's version after the last."""

    results: tuple[ClaimResult, ...]
    data_version: DataVersion


class WaitingClaim(BaseModel, frozen=True, extra="forbid"):
    """A referral to join the queue of a programme that opens, unless its claim is of a later attempt."""

    referral_id: UUID
    attempt: Attempt
    rank: Rank


class ProgrammeCapacity(BaseModel, frozen=True, extra="forbid"):
    """A programme as capacity stores it: its center, and the registry's figure.

    A programme without a figure has `version` 0 and no places. Of two figures the higher version stands.
    """

    programme_id: Id
    center_id: Id
    region_id: Id
    modality: Modality
    places: Places
    suspended: StrictBool = False
    confirmed_at: Moment | None
    version: Version


class ProgrammeOpening(ProgrammeCapacity):
    """The body of `PUT /v1/programmes/{programme_id}`: `waiting` join its queue before a place is handed over.

    Repeating it changes nothing.
    """

    waiting: tuple[WaitingClaim, ...] = Field((), max_length=10_000)
    at: Moment | None = None
    """Now, by capacity's clock, when left out."""
    seen: DataVersion | None = None


class ProgrammeFigures(ProgrammeCapacity):
    """A programme's counts at one moment: places = free + held + occupied, unless overcommitted."""

    held: Count
    occupied: Count
    free: Count
    waiting: Count
    overcommitted: Count = 0
    """Held and occupied places beyond the figure (after places were taken away)."""
    stale: bool = False
    """The figure was not confirmed for JOLDAMA_STALE_AFTER_DAYS."""


class Some(StrEnum):
    """How many, in words that name nobody."""

    NONE = "none"
    FEW = "few"
    """1 to 4."""
    MANY = "many"


class PublicFigures(BaseModel, frozen=True):
    """A programme as anybody may see it: the registry's part, and by published figures how many places are free."""

    programme_id: str
    center_id: str
    region_id: str
    modality: Modality
    places: Count
    suspended: bool
    confirmed_at: Moment | None
    stale: bool
    free: Some


class ProgrammeAnswer(ProgrammeFigures):
    """The figures after a step, and the data's version."""

    data_version: DataVersion
