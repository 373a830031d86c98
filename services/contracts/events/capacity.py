"""What happens to places and queues: the topic `capacity.v1`."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from services.contracts.events.payload import Payload
from services.contracts.vocabulary import Modality


class CapacityEvent(Payload):
    """One step of one programme's count, with the count after it."""

    programme_id: str
    center_id: str
    region_id: str
    modality: Modality
    places: int
    held: int
    occupied: int
    waiting: int
    """How many referrals stand in this programme's queue."""
    referral_id: UUID | None = None
    attempt: int | None = None
    stale: Literal[True] | None = None
    """Said when the figure had not been confirmed for seven days."""
    epoch: str
    sequence: int

    @property
    def key(self) -> str:
        return self.programme_id

    @property
    def free(self) -> int:
        return max(0, self.places - self.held - self.occupied)


class PlaceHeldV1(CapacityEvent):
    """A claim found a free place."""

    TYPE: ClassVar[str] = "kz.joldama.place.held.v1"

    kept: Literal[True] | None = None
    """Said when the referral had this place already, and keeps it under its next attempt: no count has changed."""


class PlaceHandedOverV1(CapacityEvent):
    """A place that came free went to the first in the queue: the worker answers with an offer."""

    TYPE: ClassVar[str] = "kz.joldama.place.handed_over.v1"

    left: tuple[str, ...] = ()
    """The other programmes whose queues the referral left in the same step."""


class PlaceReleasedV1(CapacityEvent):
    """A place came free and nobody was waiting for it, or it went on (a hand-over follows)."""

    TYPE: ClassVar[str] = "kz.joldama.place.released.v1"


class PlaceOccupiedV1(CapacityEvent):
    TYPE: ClassVar[str] = "kz.joldama.place.occupied.v1"


class PlacesSetV1(CapacityEvent):
    """A center's figure was set or confirmed, a programme opened, suspended or resumed."""

    TYPE: ClassVar[str] = "kz.joldama.places.set.v1"

    suspended: bool = False
    confirmed_at: AwareDatetime


class ClaimQueuedV1(Payload):
    """The referral joined these queues: no place was free, or a programme opened while it waited."""

    TYPE: ClassVar[str] = "kz.joldama.claim.queued.v1"

    referral_id: UUID
    attempt: int
    rank: int
    programme_ids: tuple[str, ...]
    epoch: str
    sequence: int

    @property
    def key(self) -> str:
        return self.programme_ids[0]


class ClaimWithdrawnV1(Payload):
    """A waiting referral left its queues without a place."""

    TYPE: ClassVar[str] = "kz.joldama.claim.withdrawn.v1"

    referral_id: UUID
    attempt: int
    programme_ids: tuple[str, ...]
    epoch: str
    sequence: int

    @property
    def key(self) -> str:
        return self.programme_ids[0]
