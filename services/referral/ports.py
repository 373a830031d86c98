"""What the handlers need of the world outside."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.contracts.claims import ClaimAnswer, ClaimRequest, ClaimResult, ClaimTurns, DataVersion, ProgrammeOpening
from services.contracts.events import PlacesSetV1
from services.contracts.vocabulary import Modality, OfferState
from services.referral.domain.forecast import Use
from services.referral.domain.network import Network
from services.referral.domain.programmes import Needs, Programme
from services.referral.domain.referral import Change, Offer, Referral, current
from services.referral.domain.routing import Candidate

Clock = Callable[[], datetime]
PASSED = frozenset({OfferState.DECLINED, OfferState.EXPIRED})
OF_THE_CENTER = frozenset({"family_refused", "unreachable", "temporarily_closed"})
"""Reasons for a decline that hold for all that the center offers; the others are the programme's."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A referral with its offers, the newest last."""

    referral: Referral
    offers: tuple[Offer, ...] = ()

    @property
    def offer(self) -> Offer | None:
        """The offer of the referral's own attempt, when one was made."""
        return current(self.referral, self.offers)

    @property
    def passed(self) -> frozenset[str]:
        """The programmes and centers that will not be asked again; where the child did not come, they may be."""
        return passed_by(self.offers)


@dataclass(frozen=True, slots=True)
class Seeker:
    """Who waits or could not be placed: as much as tells where it may go, and its turn."""

    id: UUID
    attempt: int
    rank: int
    waits: bool
    needs: Needs
    passed: frozenset[str]


def passed_by(offers: Sequence[Offer]) -> frozenset[str]:
    """The programmes and centers that let the child pass."""
    failed = [one for one in offers if one.state in PASSED]
    centers = {one.center_id for one in failed if one.reason in OF_THE_CENTER or one.state is OfferState.EXPIRED}
    return frozenset({one.programme_id for one in failed} | centers)


@dataclass(frozen=True, slots=True)
class Inboxed:
    """Which of a batch's events are new, what is known of their referrals, and capacity's newest mark."""

    unseen: frozenset[str]
    known: Mapping[UUID, Loaded]
    mark: DataVersion | None


class Referrals(Protocol):
    """The referrals' record. Each call is one transaction."""

    async def look(self, consumer: str, event_ids: Collection[str], referral_ids: Collection[UUID]) -> Inboxed:
        """What a batch finds before it begins."""
        ...

    async def load(self, referral_id: UUID) -> Loaded | None: ...

    async def save(
        self,
        changes: Sequence[Change],
        *,
        consumer: str = "",
        event_ids: Collection[str] = (),
        mark: DataVersion | None = None,
        registry_version: int = 0,
    ) -> None:
        """Make all `changes` true, with their events, or none; of one referral there may be several, in order.

        Raises Conflict when a referral's version has moved on, or when one is to wait or be set aside by a registry
        that has.
        """
        ...

    async def seeking(self, programmes: Collection[Programme]) -> Sequence[Seeker]:
        """Who waits or could not be placed: of them at least all whom one of these programmes accepts now."""
        ...

    async def join_queues(self, joining: Mapping[UUID, Sequence[Candidate]]) -> None:
        """Add these candidates to what each of these waits for; those who wait no more are passed over.

        A transaction takes some of them: repeating it changes nothing.
        """
        ...


class Deadlines(Protocol):
    """The deadlines' rows."""

    async def due(self, now: datetime, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Loaded]:
        """Up to `limit` referrals that are due at `now`, by (due_at, id), behind `after`."""
        ...

    async def waits_for(self, referral_ids: Collection[UUID]) -> Mapping[UUID, frozenset[str]]:
        """The programmes in whose queues each of these stands by the record; who waits for none is left out."""
        ...

    async def waiting_for(self, programme_id: str) -> frozenset[UUID]:
        """Who stands in the programme's queue by the record."""
        ...

    async def look_now(self, referral_ids: Collection[UUID], now: datetime) -> None:
        """Those of them who wait, or could not be placed, are due at `now`."""
        ...

    async def put_off(self, looks: Mapping[UUID, tuple[datetime, datetime]]) -> None:
        """Each is due at the second moment, if it was due at the first still."""
        ...


class Claims(Protocol):
    """Places, as capacity grants them. Raises TransientError while capacity cannot answer."""

    async def claim(
        self, requests: Sequence[ClaimRequest], seen: DataVersion | None
    ) -> tuple[Sequence[ClaimResult], DataVersion]:
        """One result a request, in order."""
        ...

    async def release(self, referral_id: UUID, attempt: int, seen: DataVersion | None) -> DataVersion | None:
        """Give back whatever the referral has under `attempt` or before; nothing is no error."""
        ...

    async def occupy(self, referral_id: UUID, attempt: int, seen: DataVersion | None) -> ClaimAnswer:
        """The place held under `attempt` becomes occupied; anything else is answered unchanged."""
        ...

    async def open_programme(self, opening: ProgrammeOpening) -> None:
        """Bring a programme's figure to capacity; who waits joins its queue before a place is given."""
        ...


class Registry(Protocol):
    """Centers and programmes."""

    async def network(self) -> Network:
        """The network as registered now."""
        ...

    async def openings(self, programme_ids: Collection[str]) -> Sequence[ProgrammeOpening]:
        """What capacity is to know of these programmes."""
        ...

    async def set_figures(self, consumer: str, figures: Mapping[str, PlacesSetV1]) -> None:
        """Record capacity's newer figures: event id to figure; seen ones and older ones change nothing."""
        ...


class Missing(StrEnum):
    """Why capacity has not told what was asked for."""

    UNREACHABLE = "capacity_unreachable"
    REBUILDING = "rebuilding"
    NOT_QUEUED = "not_queued"
    """It stands in no queue there: a place has just been handed to it, or its waiting is on the way."""


class CapacityMissing(Exception):
    """Capacity cannot tell now."""

    def __init__(self, why: Missing) -> None:
        super().__init__(why)
        self.why = why


class Queues(Protocol):
    """Capacity's queues, for who only looks. Raises CapacityMissing, soon."""

    async def turns(self, referral_id: UUID) -> ClaimTurns: ...

    async def waiting(self, region_id: str | None) -> Mapping[str, int]:
        """By programme how many wait: of all, or of one region."""
        ...


@dataclass(frozen=True, slots=True)
class Supply:
    """A programme's places as registered, and who has one of them."""

    programme_id: str
    center_id: str
    center_name: str
    region_id: str
    modality: Modality
    places: int
    course_days: int
    suspended: bool
    confirmed_at: datetime
    uses: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which programmes are asked for; None leaves all in."""

    center_id: str | None = None
    region_id: str | None = None
    programme_id: str | None = None


class Supplies(Protocol):
    """What programmes have, each call from one snapshot of the record."""

    async def of(self, programme_ids: Collection[str]) -> Mapping[str, Supply]: ...

    async def listed(self, wanted: Wanted, after: str | None, limit: int) -> Sequence[Supply]:
        """Up to `limit` programmes behind the id `after`, by id."""
        ...
