"""CloudEvents 1.0 in structured JSON: one class an event type, and one function each way.

Source: CloudEvents specification 1.0.2, JSON event format. Keys, ids and payloads carry no personal data.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic_core import to_json

from services.contracts.vocabulary import Gmfcs, Modality, Priority, ReferralState


class Payload(BaseModel):
    """The data of an event; unknown fields are ignored, so that a producer may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    TYPE: ClassVar[str]

    @property
    def key(self) -> str:
        """The Kafka key: what must stay in order stays under one key."""
        raise TypeError(f"{type(self).__name__} names no key")


class DiagnosisRecordedV1(Payload):
    """A polyclinic's submission was stored; the child is known here by a pseudonymous id only."""

    TYPE: ClassVar[str] = "kz.joldama.diagnosis.recorded.v1"

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    age_months: int
    """Completed months at `submitted_at`."""
    settlement_id: str
    icd10: str
    gmfcs: Gmfcs | None = None
    modalities: tuple[Modality, ...]
    max_distance_km: float | None = None
    priority: Priority
    submitted_at: AwareDatetime

    @property
    def key(self) -> str:
        return str(self.referral_id)


class ReferralEvent(Payload):
    """What every event in a referral's life says: the state after it, and the offer it is about."""

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    version: int
    """The referral's version after this event; 1 is the first."""
    state: ReferralState
    attempt: int
    """Counts the offers made to (or awaited by) this referral, from 1."""
    center_id: str | None = None
    programme_id: str | None = None
    actor: str
    reason: str | None = None
    """A code of `data/reasons.csv`."""
    deadline_at: AwareDatetime | None = None
    admit_on: date | None = None
    """The day that center and family agreed on, in Kazakhstan, once the offer is accepted."""
    escalation: str | None = None
    """Why the referral is on the operators' worklist, when it is: a code of `data/reasons.csv`."""

    @property
    def key(self) -> str:
        return str(self.referral_id)


class ReferralOfferedV1(ReferralEvent):
    TYPE: ClassVar[str] = "kz.joldama.referral.offered.v1"


class ReferralWaitingV1(ReferralEvent):
    TYPE: ClassVar[str] = "kz.joldama.referral.waiting.v1"


class ReferralUnplaceableV1(ReferralEvent):
    TYPE: ClassVar[str] = "kz.joldama.referral.unplaceable.v1"


class OfferSeenV1(ReferralEvent):
    TYPE: ClassVar[str] = "kz.joldama.offer.seen.v1"


class ReferralAcceptedV1(ReferralEvent):
    TYPE: ClassVar[str] = "kz.joldama.referral.accepted.v1"


class OfferDeclinedV1(ReferralEvent):
    """The center declined: the worker answers with the next claim."""

    TYPE: ClassVar[str] = "kz.joldama.offer.declined.v1"


class OfferReminderDueV1(ReferralEvent):
    """Half the time to answer is over, and the center has not answered."""

    TYPE: ClassVar[str] = "kz.joldama.offer.reminder_due.v1"


class OfferExpiredV1(ReferralEvent):
    """The center did not answer in time: the worker answers with the next claim."""

    TYPE: ClassVar[str] = "kz.joldama.offer.expired.v1"


class ReferralAdmittedV1(ReferralEvent):
    """The child has come: the worker lets it occupy the place that it holds."""

    TYPE: ClassVar[str] = "kz.joldama.referral.admitted.v1"


class ReferralNoShowV1(ReferralEvent):
    """The child did not come: the worker gives the place back."""

    TYPE: ClassVar[str] = "kz.joldama.referral.no_show.v1"


class ReferralResubmittedV1(ReferralEvent):
    """Offered again after a no-show, or by an operator: the worker answers with the next claim."""

    TYPE: ClassVar[str] = "kz.joldama.referral.resubmitted.v1"


class ReferralCompletedV1(ReferralEvent):
    """The child was discharged, with the outcome as `reason`: the worker gives the place back."""

    TYPE: ClassVar[str] = "kz.joldama.referral.completed.v1"


class ReferralCancelledV1(ReferralEvent):
    """It ended without care, for `reason`: the worker gives back whatever the referral has."""

    TYPE: ClassVar[str] = "kz.joldama.referral.cancelled.v1"


class ReferralEscalatedV1(ReferralEvent):
    """A deadline has passed without a step: it is on the operators' worklist, for the reason in `escalation`."""

    TYPE: ClassVar[str] = "kz.joldama.referral.escalated.v1"


class CenterRegisteredV1(Payload):
    """A center's entry in the registry was made or changed: the worker brings its programmes to capacity."""

    TYPE: ClassVar[str] = "kz.joldama.center.registered.v1"

    center_id: str
    version: int

    @property
    def key(self) -> str:
        return self.center_id


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


def _all(cls: type[Payload]) -> dict[str, type[Payload]]:
    found = {cls.TYPE: cls} if "TYPE" in cls.__dict__ else {}
    for child in cls.__subclasses__():
        found |= _all(child)
    return found


class Envelope(BaseModel):
    """The CloudEvents attributes. `id` names the event for ever: consumers drop what they have seen."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    traceparent: str | None = None


class _Raw(Envelope):
    data: dict[str, Any]


class Event(BaseModel):
    """One event as its consumer sees it: the envelope, and the payload in its own class."""

    model_config = ConfigDict(frozen=True)

    envelope: Envelope
    data: Payload


class MalformedEvent(ValueError):
    """The bytes are no event of ours; reading them again will not help."""


KNOWN: dict[str, type[Payload]] = _all(Payload)


def write_event(data: Payload, *, event_id: str, source: str, time: datetime, traceparent: str | None = None) -> bytes:
    """`data` in its envelope, as the bytes that go to Kafka; `time` must be aware."""
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": data.TYPE,
        "subject": data.key,
        "time": time.isoformat(),
        "datacontenttype": "application/json",
    }
    if traceparent:
        envelope["traceparent"] = traceparent
    return to_json(envelope)[:-1] + b',"data":' + data.__pydantic_serializer__.to_json(data, exclude_none=True) + b"}"


def read_event(raw: bytes | None) -> Event | None:
    """The event in `raw`, or None when its type is not known here (consumers ignore those).

    Raises MalformedEvent, naming the field, when the bytes are not a CloudEvent or its data does not fit its type.
    """
    if raw is None:
        raise MalformedEvent("empty message")
    try:
        envelope = _Raw.model_validate_json(raw)
        payload = KNOWN.get(envelope.type)
        if payload is None:
            return None
        return Event.model_construct(envelope=envelope, data=payload.model_validate(envelope.data))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "message"
        raise MalformedEvent(f"{where}: {first['msg']}") from None
