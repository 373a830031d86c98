"""The events that cross a border: one class a type, and one function each way. No personal data in any of them."""

from services.contracts.events.capacity import (
    CapacityEvent,
    ClaimQueuedV1,
    ClaimWithdrawnV1,
    PlaceHandedOverV1,
    PlaceHeldV1,
    PlaceOccupiedV1,
    PlaceReleasedV1,
    PlacesSetV1,
)
from services.contracts.events.diagnosis import (
    DiagnosisRecordedV1,
)
from services.contracts.events.envelope import (
    KNOWN,
    Envelope,
    Event,
    MalformedEvent,
    read_event,
    write_event,
)
from services.contracts.events.payload import (
    Payload,
)
from services.contracts.events.referral import (
    CenterRegisteredV1,
    OfferDeclinedV1,
    OfferExpiredV1,
    OfferReminderDueV1,
    OfferSeenV1,
    ReferralAcceptedV1,
    ReferralAdmittedV1,
    ReferralCancelledV1,
    ReferralCompletedV1,
    ReferralEscalatedV1,
    ReferralEvent,
    ReferralNoShowV1,
    ReferralOfferedV1,
    ReferralResubmittedV1,
    ReferralUnplaceableV1,
    ReferralWaitingV1,
)

__all__ = [
    "KNOWN",
    "CapacityEvent",
    "CenterRegisteredV1",
    "ClaimQueuedV1",
    "ClaimWithdrawnV1",
    "DiagnosisRecordedV1",
    "Envelope",
    "Event",
    "MalformedEvent",
    "OfferDeclinedV1",
    "OfferExpiredV1",
    "OfferReminderDueV1",
    "OfferSeenV1",
    "Payload",
    "PlaceHandedOverV1",
    "PlaceHeldV1",
    "PlaceOccupiedV1",
    "PlaceReleasedV1",
    "PlacesSetV1",
    "ReferralAcceptedV1",
    "ReferralAdmittedV1",
    "ReferralCancelledV1",
    "ReferralCompletedV1",
    "ReferralEscalatedV1",
    "ReferralEvent",
    "ReferralNoShowV1",
    "ReferralOfferedV1",
    "ReferralResubmittedV1",
    "ReferralUnplaceableV1",
    "ReferralWaitingV1",
    "read_event",
    "write_event",
]
