"""What happens to referrals and in the registry: the topic `referrals.v1`."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from services.contracts.events.payload import Payload
from services.contracts.vocabulary import ReferralState


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
