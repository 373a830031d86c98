"""Events of places and queues."""

from typing import Literal
from uuid import UUID

from services.contracts import topics
from services.contracts.events.payload import Payload
from services.contracts.numbers import Attempt, Count, Epoch, Moment, Rank, Sequence
from services.contracts.vocabulary import Modality


class CapacityEvent(Payload, topics=(topics.CAPACITY,), key="programme_id"):
    """A step of one programme, with the counts after it."""

    programme_id: str
    center_id: str
    region_id: str
    modality: Modality
    places: Count
    held: Count
    occupied: Count
    waiting: Count
    """Referrals in this programme's queue."""
    referral_id: UUID | None = None
    attempt: Attempt | None = None
    stale: Literal[True] | None = None
    """Present when the figure had not been confirmed for JOLDAMA_STALE_AFTER_DAYS."""
    epoch: Epoch
    sequence: Sequence

    @property
    def free(self) -> int:
        return max(0, self.places - self.held - self.occupied)


class PlaceHeldV1(CapacityEvent, type="place.held.v1"):
    """A claim found a free place."""

    kept: Literal[True] | None = None
    """Present when the referral retains this place under its next attempt: no count has changed."""


class PlaceHandedOverV1(CapacityEvent, type="place.handed_over.v1", topics=(topics.CAPACITY, topics.HANDOVERS)):
    """A free place went to the first referral in the queue: the worker makes the offer."""

    left: tuple[str, ...] = ()
    """The other programmes whose queues the referral left in the same step."""


class PlaceReleasedV1(CapacityEvent, type="place.released.v1"):
    """A place was released; a hand-over follows when a referral waits for it."""


class PlaceOccupiedV1(CapacityEvent, type="place.occupied.v1"):
    """The child of a held place was admitted."""


class PlacesSetV1(CapacityEvent, type="places.set.v1"):
    """Capacity applied a figure of the registry, or a programme opened."""

    suspended: bool = False
    confirmed_at: Moment | None = None


class QueueEvent(Payload, topics=(topics.CAPACITY,)):
    """A referral joined or left queues, without a place."""

    referral_id: UUID
    attempt: Attempt
    programme_ids: tuple[str, ...]
    epoch: Epoch
    sequence: Sequence

    @property
    def key(self) -> str:
        return self.programme_ids[0]


class ClaimQueuedV1(QueueEvent, type="claim.queued.v1"):
    """The referral joined these queues: no place was free, or a programme opened while it was waiting."""

    rank: Rank


class ClaimWithdrawnV1(QueueEvent, type="claim.withdrawn.v1"):
    """A waiting referral left its queues without a place."""
