"""What the handlers need of the store: claims, places, and the steps it took. The fake and Redis both serve them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.capacity.domain.step import Step, StepId
from services.contracts.claims import (
    ClaimAnswer,
    ClaimRequest,
    ClaimsBatchResult,
    ClaimTurns,
    DataVersion,
    ProgrammeAnswer,
    ProgrammeCapacity,
    ProgrammeFigures,
    ProgrammeOpening,
)
from services.contracts.rebuild import Generation, KeptClaim, Opened, RestoredClaim


class Rebuilding(Exception):
    """The data is of no epoch, of another one, or behind what the caller has seen: nothing was done."""


class UnknownProgramme(Exception):
    """No such programme was opened."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every programme at one moment, by programme id."""

    mark: DataVersion
    figures: tuple[ProgrammeFigures, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A referral's place in a queue; `position` counts from 1."""

    position: int
    referral_id: UUID
    rank: int


class Claims(Protocol):
    """Steps on one referral's claim. Each is atomic, may be repeated, and raises Rebuilding or TransientError."""

    async def claim(self, requests: Sequence[ClaimRequest], seen: DataVersion | None = None) -> ClaimsBatchResult:
        """Each claim in order, each a step of its own."""
        ...

    async def occupy(
        self, referral_id: UUID, attempt: int, at: datetime, seen: DataVersion | None = None
    ) -> ClaimAnswer:
        """The held place becomes occupied; anything else is answered unchanged."""
        ...

    async def release(
        self, referral_id: UUID, attempt: int, at: datetime, seen: DataVersion | None = None
    ) -> ClaimAnswer:
        """What the referral has under this attempt, or an earlier one, is given back and handed over."""
        ...

    async def present(self, referral_id: UUID) -> ClaimAnswer:
        """What the referral has now."""
        ...


class Places(Protocol):
    """Steps on one programme, and what all of them hold. Raises Rebuilding or TransientError."""

    async def open_programme(self, opening: ProgrammeOpening, at: datetime) -> ProgrammeAnswer:
        """Register the programme, let the waiting join, then hand over."""
        ...

    async def set_places(
        self,
        programme_id: str,
        places: int,
        at: datetime,
        *,
        suspended: bool | None = None,
        center_id: str | None = None,
    ) -> ProgrammeAnswer:
        """Set and confirm a figure; raises UnknownProgramme, also when it is not a programme of `center_id`."""
        ...

    async def snapshot(self, now: datetime) -> Snapshot: ...

    async def queue(self, programme_id: str, after: Turn | None, limit: int) -> list[Turn]:
        """Up to `limit` turns behind `after`, in order."""
        ...


class Steps(Protocol):
    """The steps in order, as far back as they are kept."""

    async def after(self, last: StepId, limit: int) -> list[Step]: ...

    async def wait(self, last: StepId, limit: int, seconds: float) -> list[Step]:
        """As `after`, but when there is none yet waits for one, at most that many seconds."""
        ...

    async def keeps(self, step: StepId) -> bool: ...

    async def first(self) -> StepId | None: ...

    async def last(self) -> StepId:
        """The newest step, or the start when there is none."""
        ...

    async def trim(self, until: StepId, before: datetime) -> int:
        """Forget steps in front of `until` that were taken before `before`; how many. It may leave some for later."""
        ...


class Rebuild(Protocol):
    """A generation made anew from the record. Each call may be repeated; all but the first two raise Rebuilding when
    another rebuild has begun. Raises TransientError."""

    async def generation(self, seen: DataVersion | None) -> Generation: ...

    async def begin(self, epoch: str) -> None:
        """Forget everything but the stream; nothing is granted until `open`. Raises Rebuilding when a rebuild under
        this epoch or a higher one has begun."""
        ...

    async def restore_programmes(self, epoch: str, programmes: Sequence[ProgrammeCapacity]) -> None: ...

    async def restore_claims(self, epoch: str, claims: Sequence[RestoredClaim]) -> tuple[UUID, ...]:
        """Those who have a place of a programme that was not restored: theirs are left out."""
        ...

    async def open(self, epoch: str, at: datetime) -> Opened:
        """Tell every figure, hand what is free to those who wait, and go on as usual."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """A page of all claims. `figures`, on the last page only, are of the same sequence as the claims told by then."""

    mark: DataVersion
    claims: tuple[KeptClaim, ...]
    position: tuple[str, ...] | None
    figures: tuple[ProgrammeFigures, ...] | None = None
    relayed: DataVersion | None = None


class Books(Protocol):
    """All that is kept, for who compares or looks. Raises Rebuilding, also when the epoch changed between two pages."""

    async def claims(self, position: tuple[str, ...] | None, now: datetime) -> Told:
        """The page at `position`. Of two tellings of one claim the later stands; one may tell a claim that is gone."""
        ...

    async def look(self, referral_ids: Sequence[UUID], now: datetime) -> Told:
        """These claims, all figures, and how far the stream was relayed, each as it is now."""
        ...

    async def turns(self, referral_id: UUID) -> ClaimTurns:
        """Where the referral stands in each queue, at one moment."""
        ...


@dataclass(frozen=True, slots=True)
class Store:
    """The sides of one store."""

    claims: Claims
    places: Places
    steps: Steps
    rebuild: Rebuild
    books: Books
