"""What the referral service and capacity say to each other when capacity is rebuilt from the record, or audited."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.contracts.claims import DataVersion, Id, ProgrammeCapacity, ProgrammeFigures
from services.contracts.vocabulary import ClaimState

Epoch = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}$")]
"""Milliseconds since 1970; each generation's is higher than the one before."""
BATCH = 1000
"""How many programmes or claims one call restores, and about how many one page tells."""


class GenerationState(StrEnum):
    OPEN = "open"
    REBUILDING = "rebuilding"
    """No data, data of another epoch, data behind the mark that was shown, or a rebuild that has not ended."""


class Generation(BaseModel):
    """The body of `GET /v1/rebuild`. `epoch` is the highest that capacity knows of, open or not."""

    state: GenerationState
    epoch: str | None = None


class NewGeneration(BaseModel):
    """The body of `POST /v1/rebuild` and `POST /v1/rebuild/open`."""

    model_config = ConfigDict(extra="forbid")

    epoch: Epoch


class ProgrammesToRestore(NewGeneration):
    programmes: tuple[ProgrammeCapacity, ...] = Field(max_length=BATCH)


class RestoredClaim(BaseModel):
    """What the record says that a referral has. One programme when held or occupied, every queue when waiting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    referral_id: UUID
    attempt: int = Field(ge=1)
    state: ClaimState
    rank: int = 0
    programme_ids: tuple[Id, ...] = ()


class ClaimsToRestore(NewGeneration):
    claims: tuple[RestoredClaim, ...] = Field(max_length=BATCH)


class Restored(BaseModel):
    """`refused` hold or occupy a place of a programme that was not restored."""

    refused: tuple[UUID, ...] = ()


class Opened(BaseModel):
    """The new generation is open; `handed_over` counts the places that went to somebody who waits."""

    mark: DataVersion
    handed_over: int


class KeptClaim(BaseModel):
    """A claim as capacity keeps it. `queued` are those of its programmes in whose queue it stands at its rank."""

    model_config = ConfigDict(frozen=True)

    referral_id: UUID
    attempt: int
    state: ClaimState
    rank: int = 0
    programme_ids: tuple[str, ...] = ()
    queued: tuple[str, ...] = ()


class ClaimsPage(BaseModel):
    """A page of `GET /v1/claims`: of two tellings of one claim the later stands.

    The last page has `figures`: at that moment the claims told and the figures are of one sequence.
    """

    items: list[KeptClaim]
    mark: DataVersion
    figures: tuple[ProgrammeFigures, ...] | None = None
    relayed: DataVersion | None = None
    """The last step that Kafka has acknowledged, as far as that is noted."""
    next: str | None = None


class ClaimsWanted(BaseModel):
    """The body of `POST /v1/claims/look`."""

    model_config = ConfigDict(extra="forbid")

    referral_ids: tuple[UUID, ...] = Field(max_length=BATCH)
