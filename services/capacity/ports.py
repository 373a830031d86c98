"""The ports of capacity's store: claims, programmes, steps, rebuild. Redis implements them, and a fake in tests."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from services.capacity.domain.step import Step, StepId, UnreadableStep
from services.contracts.claims import (
    ClaimChange,
    ClaimPositions,
    ClaimRequest,
    ClaimsBatchResult,
    DataVersion,
    ProgrammeAnswer,
    ProgrammeCapacity,
    ProgrammeFigures,
    ProgrammeOpening,
    QueueEntry,
    UnreadableClaim,
)
from services.contracts.numbers import Epoch, ScanPosition
from services.contracts.numbers import Sequence as StepSequence
from services.contracts.rebuild import Generation, KeptClaim, Opened, RestoredClaim
from services.kit.audit import Entry


class Rebuilding(Exception):
    """The data has no open epoch, another one, or is behind what the caller has seen. Part of a batch may be done."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures of all programmes at one moment, by programme id."""

    data_version: DataVersion
    figures: tuple[ProgrammeFigures, ...]


class AuditLog(Protocol):
    """Where it is entered who read what is about children."""

    async def record(self, entry: Entry) -> None:
        """Durable when it returns; raises TransientError."""
        ...

    def record_later(self, entry: Entry) -> None:
        """For what has happened already."""
        ...


class Claims(Protocol):
    """Steps on claims, each atomic and repeatable. Methods raise Rebuilding or TransientError."""

    async def claim(self, requests: Sequence[ClaimRequest], seen: DataVersion | None = None) -> ClaimsBatchResult:
        """Each claim in order, each a step of its own."""
        ...

    async def occupy(
        self, changes: Sequence[ClaimChange], at: datetime, seen: DataVersion | None = None
    ) -> ClaimsBatchResult:
        """Each held place becomes occupied; any other claim is answered unchanged."""
        ...

    async def release(
        self, changes: Sequence[ClaimChange], at: datetime, seen: DataVersion | None = None
    ) -> ClaimsBatchResult:
        """Each claim of the attempt, or an earlier one, is released, and its place handed over."""
        ...

    async def positions(self, referral_ids: Sequence[UUID]) -> Sequence[ClaimPositions | UnreadableClaim]:
        """The claim of each referral in order, and its position in each queue, each at one moment."""
        ...


class Programmes(Protocol):
    """Programmes, their figures and queues. Methods raise Rebuilding or TransientError."""

    async def open_programme(self, opening: ProgrammeOpening, at: datetime) -> ProgrammeAnswer:
        """Open the programme or apply its newer figure, let waiting referrals join, then hand over free places."""
        ...

    async def snapshot(self, now: datetime) -> Snapshot: ...

    async def queue(self, programme_id: str, after: tuple[int, UUID] | None, limit: int) -> list[QueueEntry]:
        """Up to `limit` entries behind that rank and referral, in order."""
        ...


class Steps(Protocol):
    """The stored steps in order. Methods raise TransientError."""

    async def after(self, last: StepId, limit: int) -> Sequence[Step | UnreadableStep]: ...

    async def wait(self, last: StepId, limit: int, seconds: float) -> Sequence[Step | UnreadableStep]:
        """As `after`; when there is none, wait up to so many seconds for one."""
        ...

    async def newest(self, limit: int) -> Sequence[Step | UnreadableStep]:
        """The last `limit` steps, in order."""
        ...

    async def first(self) -> StepId | None: ...

    async def last(self) -> StepId:
        """The newest step, or START without one."""
        ...

    async def trim(self, until: StepId, before: datetime) -> int:
        """Delete steps older than `before` that come before `until`; how many. Some may be left for the next call."""
        ...


class Rebuild(Protocol):
    """A new generation from the record. Each call may be repeated, and raises TransientError.

    The last three raise Rebuilding when another rebuild has begun.
    """

    async def generation(self, seen: DataVersion | None) -> Generation: ...

    async def begin(self, epoch: str) -> None:
        """Delete everything but the stream; nothing is granted until `open`.

        Raises Rebuilding when this epoch or a higher one has begun.
        """
        ...

    async def restore_programmes(self, epoch: str, programmes: Sequence[ProgrammeCapacity]) -> None: ...

    async def restore_claims(self, epoch: str, claims: Sequence[RestoredClaim]) -> tuple[UUID, ...]:
        """The refused referrals, which have a place of a programme that was not restored."""
        ...

    async def open(self, epoch: str, at: datetime) -> Opened:
        """Open the new generation: emit all figures, and hand free places to waiting referrals."""
        ...


class ClaimsPosition(NamedTuple):
    """The beginning of a page: the scan's cursor, 0 when it has ended; then the steps after `sequence`."""

    epoch: Epoch
    sequence: StepSequence
    scan: ScanPosition


@dataclass(frozen=True, slots=True)
class ClaimsRead:
    """A page of claims. `figures` are on the last page, of its data version, and on a look-up, read just after it."""

    data_version: DataVersion
    claims: tuple[KeptClaim, ...]
    position: ClaimsPosition | None
    figures: tuple[ProgrammeFigures, ...] | None = None
    relayed: DataVersion | None = None
    unreadable: tuple[UnreadableClaim, ...] = ()


class ClaimPages(Protocol):
    """All claims, for comparison. Methods raise Rebuilding, also when the epoch changed between two pages."""

    async def page(self, position: ClaimsPosition | None, now: datetime) -> ClaimsRead:
        """The page at `position`. When a claim comes twice, the later one is valid; it may be gone by then."""
        ...

    async def lookup(self, referral_ids: Sequence[UUID], now: datetime) -> ClaimsRead:
        """These claims, all figures, and the last step that Kafka acknowledged."""
        ...


@dataclass(frozen=True, slots=True)
class Store:
    """The parts of one store."""

    claims: Claims
    programmes: Programmes
    steps: Steps
    rebuild: Rebuild
    claim_pages: ClaimPages
    check_writable: Callable[[], Awaitable[None]]
    """Raises TransientError when the store takes no writes now."""
