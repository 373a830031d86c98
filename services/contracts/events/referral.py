"""Events of referrals and of the registry of centers."""

from datetime import date
from uuid import UUID

from services.contracts import topics
from services.contracts.events.payload import Payload
from services.contracts.numbers import Attempt, Moment, Places, Version
from services.contracts.vocabulary import ReferralState


class ReferralEvent(Payload, topics=(topics.REFERRALS,), key="referral_id"):
    """An event in a referral's life: the state after it, and the offer it is about."""

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    version: Version
    """The referral's version after this event; 1 is the first."""
    state: ReferralState
    attempt: Attempt
    """Counts the offers made to (or awaited by) this referral, from 1."""
    center_id: str | None = None
    programme_id: str | None = None
    actor: str
    reason: str | None = None
    """A code of `data/reasons.csv`."""
    deadline_at: Moment | None = None
    admit_on: date | None = None
    """The day that center and family agreed on, in Kazakhstan, once the offer is accepted."""
    escalation: str | None = None
    """Why the referral is on the operators' worklist, when it is: a code of `data/reasons.csv`."""


_TO_WORKER = (topics.REFERRALS, topics.ROUTING)
"""Topics of the events that the worker reacts to."""


class ReferralOfferedV1(ReferralEvent, type="referral.offered.v1"):
    """A place is held: the center is to answer."""


class ReferralWaitingV1(ReferralEvent, type="referral.waiting.v1"):
    """No candidate has a free place."""


class ReferralUnplaceableV1(ReferralEvent, type="referral.unplaceable.v1"):
    """No programme accepts the child, for `reason`."""


class OfferSeenV1(ReferralEvent, type="offer.seen.v1"):
    """The center has seen the offer."""


class ReferralAcceptedV1(ReferralEvent, type="referral.accepted.v1"):
    """The center accepted the child."""


class OfferDeclinedV1(ReferralEvent, type="offer.declined.v1", topics=_TO_WORKER):
    """The center declined: the worker makes the next claim."""


class OfferReminderDueV1(ReferralEvent, type="offer.reminder_due.v1"):
    """Half the time to answer is over, and the center has not answered."""


class OfferExpiredV1(ReferralEvent, type="offer.expired.v1", topics=_TO_WORKER):
    """The center did not answer in time: the worker makes the next claim."""


class ReferralAdmittedV1(ReferralEvent, type="referral.admitted.v1", topics=_TO_WORKER):
    """The child was admitted: the worker turns the held place into an occupied one."""


class ReferralNoShowV1(ReferralEvent, type="referral.no_show.v1", topics=_TO_WORKER):
    """The child did not come: the worker releases the place."""


class ReferralResubmittedV1(ReferralEvent, type="referral.resubmitted.v1", topics=_TO_WORKER):
    """Offered again after a no-show, by an operator or by a review: the worker makes the next claim."""


class ReferralCompletedV1(ReferralEvent, type="referral.completed.v1", topics=_TO_WORKER):
    """The child was discharged, with the outcome as `reason`: the worker releases the place."""


class ReferralCancelledV1(ReferralEvent, type="referral.cancelled.v1", topics=_TO_WORKER):
    """The referral ended without care, for `reason`: the worker releases its place or queue entries."""


class ReferralCorrectedV1(ReferralEvent, type="referral.corrected.v1"):
    """Its polyclinic corrected the data, which intake has, or a join gave an earlier turn; the state is unchanged."""


class ReferralEscalatedV1(ReferralEvent, type="referral.escalated.v1"):
    """A deadline has passed without a step: on the operators' worklist, for the reason in `escalation`."""


class CenterRegisteredV1(Payload, type="center.registered.v1", topics=_TO_WORKER, key="center_id"):
    """A center's entry in the registry was made or changed: the worker opens its programmes at capacity."""

    center_id: str
    version: Version


class FigureSetV1(Payload, type="figure.set.v1", topics=_TO_WORKER, key="center_id"):
    """A programme's figure was set, confirmed, suspended or resumed: the worker applies it at capacity."""

    center_id: str
    programme_id: str
    places: Places
    suspended: bool
    confirmed_at: Moment
    version: Version
    """Counts the figures of this programme."""
    actor: str
