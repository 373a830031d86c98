"""Ports of the referral service: what its handlers need from the outside."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.contracts.claims import (
    ClaimChange,
    ClaimPositions,
    ClaimRequest,
    ClaimResult,
    DataVersion,
    ProgrammeOpening,
)
from services.contracts.events import Payload
from services.contracts.rebuild import ClaimsPage
from services.contracts.vocabulary import Modality
from services.referral.domain.forecast import Use
from services.referral.domain.network import Network
from services.referral.domain.programmes import Needs, Programme
from services.referral.domain.referral import Change, ReferralWithOffers

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class BatchContext:
    """The new events of a batch, the referrals they name, and the newest data version of capacity in the record."""

    unseen: frozenset[str]
    referrals: Mapping[UUID, ReferralWithOffers]
    data_version: DataVersion | None


@dataclass(frozen=True, slots=True)
class UnplacedReferral:
    """A waiting or unplaceable child: needs, exclusions and rank."""

    id: UUID
    attempt: int
    rank: int
    waits: bool
    needs: Needs
    excluded_ids: frozenset[str]


class Referrals(Protocol):
    """The referrals' record. Each call is one transaction."""

    async def load_batch(
        self, consumer: str, event_ids: Collection[str], referral_ids: Collection[UUID]
    ) -> BatchContext: ...

    async def load(self, referral_id: UUID) -> ReferralWithOffers | None: ...

    async def save(
        self,
        changes: Sequence[Change],
        *,
        consumer: str = "",
        event_ids: Collection[str] = (),
        data_version: DataVersion | None = None,
        registry_version: int = 0,
    ) -> None:
        """Save all `changes` with their events, or none; of one referral there may be several, in order.

        Raises Conflict when a referral's version has moved on, when a child is to wait or be set aside by a registry
        version that has, or when capacity has been rebuilt.
        """
        ...


class Queues(Protocol):
    """The unplaced referrals and their queue entries."""

    async def unplaced(self, programmes: Collection[Programme], now: datetime) -> Sequence[UnplacedReferral]:
        """At least all whom one of these programmes accepts at `now`."""
        ...

    async def waiting_for(self, programme_id: str) -> frozenset[UUID]:
        """The referrals in the programme's queue."""
        ...

    async def entries(self, referral_ids: Collection[UUID]) -> Mapping[UUID, frozenset[str]]:
        """The programmes in whose queues each of these stands; a referral without any is left out."""
        ...

    async def join(self, programme_id: str, joining: Mapping[UUID, int], now: datetime) -> None:
        """Add entries for a programme that opened, by referral and attempt; who no longer waits under it is left out.

        A transaction adds some of them: repeating it changes nothing.
        """
        ...


class Deadlines(Protocol):
    """The deadlines' rows."""

    async def due(self, now: datetime, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[ReferralWithOffers]:
        """Up to `limit` referrals that are due at `now`, by (due_at, id), behind `after`."""
        ...

    async def review_now(self, referral_ids: Collection[UUID], now: datetime) -> None:
        """Those of them that are waiting or unplaceable are due at `now`."""
        ...

    async def put_off(self, moves: Mapping[UUID, tuple[datetime, datetime]]) -> None:
        """Each is due at the second moment, if it is still due at the first."""
        ...


class Claims(Protocol):
    """Places, as capacity grants them. Raises TransientError while capacity cannot answer."""

    async def claim(
        self, requests: Sequence[ClaimRequest], seen: DataVersion | None
    ) -> tuple[Sequence[ClaimResult], DataVersion]:
        """One result a request, in order."""
        ...

    async def release(self, changes: Sequence[ClaimChange], seen: DataVersion | None) -> DataVersion:
        """Release whatever each referral has under the attempt or before; nothing is no error."""
        ...

    async def occupy(self, changes: Sequence[ClaimChange], seen: DataVersion | None) -> DataVersion:
        """The places held under these attempts become occupied; any other claim is left as it is."""
        ...

    async def open_programme(self, opening: ProgrammeOpening) -> None:
        """Bring a programme and its figure to capacity; the waiting join its queue before a place is given."""
        ...


class HandOvers(Protocol):
    """What capacity has handed over. Raises TransientError while it cannot answer."""

    async def look_up_claims(self, referral_ids: Sequence[UUID]) -> ClaimsPage:
        """The claims of these referrals (state `none` without one), at one data version."""
        ...


class IntakeEvents(Protocol):
    """The events that intake has published. Raises TransientError while it cannot answer."""

    async def published(self, event_ids: Collection[str]) -> Mapping[str, Payload]:
        """Those of these ids that it has, by id."""
        ...


class Registry(Protocol):
    """Centers, programmes and figures."""

    async def network(self) -> Network:
        """The network as registered now."""
        ...

    async def openings(
        self, *, center_ids: Collection[str] = (), programme_ids: Collection[str] = ()
    ) -> Sequence[ProgrammeOpening]:
        """What capacity is to know of these programmes; a closed one has no places.

        A programme that is not named by its center has no figure until its center is marked as opened.
        """
        ...

    async def mark_opened(self, versions: Mapping[str, int]) -> None:
        """The programmes of these versions of centers' entries are opened at capacity."""
        ...


class CapacityUnavailable(Exception):
    """Capacity cannot answer now."""

    def __init__(self, reason: "Unavailable") -> None:
        super().__init__(reason)
        self.reason = reason


class Unavailable(StrEnum):
    """Why a figure of capacity is missing."""

    UNREACHABLE = "capacity_unreachable"
    REBUILDING = "rebuilding"
    NOT_QUEUED = "not_queued"
    """The referral stands in no queue: a place has just been handed over, or its waiting is not recorded yet."""


class QueuePositions(Protocol):
    """Capacity's queues, for display. Raises CapacityUnavailable, soon."""

    async def positions(self, referral_id: UUID) -> ClaimPositions: ...

    async def waiting(self, region_id: str | None) -> Mapping[str, int]:
        """By programme the length of its queue: of all, or of one region."""
        ...


@dataclass(frozen=True, slots=True)
class Supply:
    """An open programme's figure (0 places without one), and the referrals that have a place."""

    programme_id: str
    center_id: str
    center_name: str
    region_id: str
    modality: Modality
    places: int
    course_days: int
    suspended: bool
    confirmed_at: datetime | None
    uses: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which programmes are asked for; None leaves all in."""

    center_id: str | None = None
    region_id: str | None = None
    programme_id: str | None = None


class RecordedSupplies(Protocol):
    """Programmes with the use of their places, from one snapshot of the record."""

    async def read(self) -> Sequence[Supply]:
        """All open ones, by id."""
        ...


class Supplies(Protocol):
    """Programmes with the use of their places."""

    async def of(self, programme_ids: Collection[str]) -> Mapping[str, Supply]: ...

    async def listed(self, wanted: Wanted, after: str | None, limit: int) -> Sequence[Supply]:
        """Up to `limit` programmes behind the id `after`, by id."""
        ...
