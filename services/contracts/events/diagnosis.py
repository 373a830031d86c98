"""Events of intake."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.contracts import topics
from services.contracts.events.payload import Payload
from services.contracts.numbers import AgeMonths, DayOfMonth, Kilometers, Moment, Version
from services.contracts.vocabulary import Gmfcs, Modality, Priority


class DiagnosisRecordedV1(Payload, type="diagnosis.recorded.v1", topics=(topics.DIAGNOSES,), key="referral_id"):
    """A polyclinic's submission was stored; the child is known here by a pseudonymous id only."""

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    age_months: AgeMonths
    """Completed months at `submitted_at`."""
    birth_day: DayOfMonth | None = None
    """The day of the month of the birth date, on which the months are counted; events of older versions have none."""
    settlement_id: str
    icd10: str
    gmfcs: Gmfcs | None = None
    modalities: tuple[Modality, ...]
    max_distance_km: Kilometers | None = None
    priority: Priority
    submitted_at: Moment
    submitted_by: Annotated[str, Field(max_length=120)] | None = None
    """The actor, as histories name it: `role:organization/person`; none in corrections, and of older versions."""


class DiagnosisCorrectedV1(DiagnosisRecordedV1, type="diagnosis.corrected.v1"):
    """A polyclinic corrected what it had submitted, or the referral went to another polyclinic (`polyclinic_id`).

    The whole data as it is now, of which the newest version stands.
    """

    version: Version
    """Counts the versions of this diagnosis; 1 was the submission."""
    corrected: tuple[str, ...]
    """The paths of the corrected fields, such as `guardian.phone`; never their values."""
    corrected_at: Moment
    actor: str


class ConsentWithdrawnV1(Payload, type="consent.withdrawn.v1", topics=(topics.DIAGNOSES,), key="referral_id"):
    """The child's legal representative withdrew the consent: the referral ends, and no center reads the child."""

    referral_id: UUID
    child_id: UUID
    withdrawn_at: Moment
    actor: str


class ChildrenJoinedV1(Payload, type="children.joined.v1", topics=(topics.DIAGNOSES,), key="referral_id"):
    """Two children were one, and had two open referrals: one stays, with the earlier turn, and the other ends."""

    referral_id: UUID
    ended_referral_id: UUID
    child_id: UUID
    joined_child_id: UUID
    """The id that is no child's any more."""
    joined_at: Moment
    actor: str
