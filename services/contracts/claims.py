"""What the referral service asks of capacity, and what it is told."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.contracts.vocabulary import ClaimState, Modality

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=100)]
"""A programme's, center's or region's id."""
Tier = Annotated[tuple[Id, ...], Field(min_length=1)]


class DataVersion(BaseModel):
    """A generation of capacity's data, and how far it has come. A sequence only grows within an epoch."""

    model_config = ConfigDict(frozen=True)

    epoch: str
    sequence: int = Field(ge=0)


class ClaimRequest(BaseModel):
    """`claim(referral_id, attempt, rank, candidates)`: hold the first free place, or wait for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    referral_id: UUID
    attempt: int = Field(ge=1)
    rank: int = Field(description="Milliseconds; the smaller goes first")
    candidates: tuple[Tier, ...] = Field(
        min_length=1,
        description="Programme ids in tiers, the preferred tier first. Within a tier (the same distance) "
        "the programme with more free places is taken, then the one named first.",
    )
    keep: bool = Field(
        False,
        description="The attempt before was made no offer of: a place that was handed over under it meanwhile stays "
        "the referral's, when it is among the candidates and no preferred one has a free place",
    )
    at: AwareDatetime


class ClaimResult(BaseModel):
    """What the referral has now. `free` counts the free places at each candidate just before the claim."""

    model_config = ConfigDict(frozen=True)

    referral_id: UUID
    attempt: int
    state: ClaimState
    programme_id: str | None = None
    repeated: bool = False
    """The same attempt had been claimed before: this is what it has, unchanged."""
    free: dict[str, int] = {}
    queues: tuple[str, ...] = ()
    """Of a claim that has been waiting since an earlier call: the programmes in whose queues it stands."""


class ClaimAnswer(ClaimResult):
    """A single step's result, and the mark after it."""

    mark: DataVersion


class QueueTurn(BaseModel):
    """A referral's place in one programme's queue: `position` 1 is next, of `length` who wait."""

    model_config = ConfigDict(frozen=True)

    programme_id: str
    position: int
    length: int


class ClaimTurns(ClaimAnswer):
    """What the referral has now, and while it waits its turn in each queue, in the order of its candidates."""

    turns: tuple[QueueTurn, ...] = ()


class ClaimChange(BaseModel):
    """The body of `POST /v1/claims/{referral_id}/occupy`: the step is for this attempt only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempt: int = Field(ge=1)
    at: AwareDatetime | None = None
    """Now, by capacity's clock, when left out."""
    seen: DataVersion | None = None


class ClaimsBatch(BaseModel):
    """Claims in order. `seen` is the newest mark in the caller's record.

    Data of another epoch, or behind that mark, takes no claim (503 `rebuilding`).
    """

    model_config = ConfigDict(extra="forbid")

    seen: DataVersion | None = None
    claims: tuple[ClaimRequest, ...] = Field(max_length=1000)


class ClaimsBatchResult(BaseModel):
    """One result a claim, in the same order, and the mark after the last."""

    results: tuple[ClaimResult, ...]
    mark: DataVersion


class WaitingClaim(BaseModel):
    """A waiting child whom a programme that opens accepts; under its attempt it has nothing yet, or waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    referral_id: UUID
    attempt: int = Field(ge=1)
    rank: int


class ProgrammeCapacity(BaseModel):
    """What capacity keeps of a programme: whose it is, and how many places at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    programme_id: Id
    center_id: Id
    region_id: Id
    modality: Modality
    places: int = Field(ge=0, le=100_000)
    suspended: bool = False
    confirmed_at: AwareDatetime


class ProgrammeOpening(ProgrammeCapacity):
    """The body of `PUT /v1/programmes/{programme_id}`: `waiting` join its queue before a place is given.

    Repeating it changes nothing: the figure with the later `confirmed_at` stands, and who has come
    further than waiting under the named attempt, or has given that back, does not join.
    """

    waiting: tuple[WaitingClaim, ...] = Field((), max_length=10_000)
    at: AwareDatetime | None = None
    """Now, by capacity's clock, when left out."""
    seen: DataVersion | None = None


class ProgrammeFigures(ProgrammeCapacity):
    """A programme's counts at one moment: places = free + held + occupied, unless overcommitted."""

    held: int
    occupied: int
    free: int
    waiting: int
    overcommitted: int = 0
    """How many more are held or occupied than there are places (after places were taken away)."""
    stale: bool = False
    """The figure was not confirmed for seven days."""


class ProgrammeAnswer(ProgrammeFigures):
    """The figures after a step, and the mark after it."""

    mark: DataVersion
