"""One event of each type, with every field filled, as the golden files pin it."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.contracts import events
from services.contracts.vocabulary import Gmfcs, Modality, Priority, ReferralState

AT = datetime(2026, 11, 20, 6, 30, 0, 123000, UTC)
LATER = datetime(2026, 11, 23, 6, 30, 0, 123000, UTC)
REFERRAL, CHILD = UUID("01937e5a-7b3c-7c2a-9d4e-000000000001"), UUID("01937e5a-7b3c-7c2a-9d4e-000000000002")


def step(kind: type[events.ReferralEvent], state: ReferralState, version: int, **more: Any) -> events.ReferralEvent:
    return kind(
        referral_id=REFERRAL, child_id=CHILD, polyclinic_id="polyclinic-7", version=version, state=state, attempt=1,
        **more,
    )  # fmt: skip


PLACE: dict[str, Any] = {"center_id": "almaty-cp-center", "programme_id": "almaty-cp-center-day-stay"}
DIAGNOSIS = events.DiagnosisRecordedV1(
    referral_id=REFERRAL, child_id=CHILD, polyclinic_id="polyclinic-7", age_months=47, birth_day=21,
    settlement_id="1526384", icd10="G80.1", gmfcs=Gmfcs.III, modalities=(Modality.INPATIENT, Modality.DAY_STAY),
    max_distance_km=300.5, priority=Priority.HIGH, submitted_at=AT, submitted_by="polyclinic:polyclinic-7/nurse-12",
)  # fmt: skip
CORRECTED: dict[str, Any] = dict(DIAGNOSIS) | {"submitted_by": None}
S = ReferralState
SAMPLES: dict[str, events.Payload] = {
    "diagnoses/diagnosis_recorded": DIAGNOSIS,
    "diagnoses/diagnosis_corrected": events.DiagnosisCorrectedV1(
        **CORRECTED,
        version=2,
        corrected=("child.birth_date", "guardian.phone"),
        corrected_at=LATER,
        actor="polyclinic:polyclinic-7",
    ),
    "diagnoses/consent_withdrawn": events.ConsentWithdrawnV1(
        referral_id=REFERRAL, child_id=CHILD, withdrawn_at=LATER, actor="polyclinic:polyclinic-1"
    ),
    "diagnoses/diagnosis_transferred": events.DiagnosisCorrectedV1(
        **CORRECTED | {"polyclinic_id": "polyclinic-8"},
        version=3,
        corrected=("polyclinic_id",),
        corrected_at=LATER,
        actor="polyclinic:polyclinic-7",
    ),
    "diagnoses/children_joined": events.ChildrenJoinedV1(
        referral_id=REFERRAL,
        ended_referral_id=CHILD,
        child_id=CHILD,
        joined_child_id=REFERRAL,
        joined_at=LATER,
        actor="polyclinic:polyclinic-7",
    ),
    "referral/referral_offered": step(
        events.ReferralOfferedV1, S.OFFERED, 1, actor="router", deadline_at=LATER, **PLACE
    ),
    "referral/referral_waiting": step(events.ReferralWaitingV1, S.WAITING, 1, actor="router", deadline_at=LATER),
    "referral/referral_unplaceable": step(
        events.ReferralUnplaceableV1, S.UNPLACEABLE, 1, actor="router", deadline_at=AT
    ),
    "referral/offer_seen": step(
        events.OfferSeenV1, S.OFFERED, 2, actor="center:almaty-cp-center", deadline_at=LATER, **PLACE
    ),
    "referral/referral_accepted": step(
        events.ReferralAcceptedV1, S.ACCEPTED, 3, actor="center:almaty-cp-center", deadline_at=LATER, **PLACE
    ),
    "referral/offer_declined": step(
        events.OfferDeclinedV1,
        S.SUBMITTED,
        3,
        actor="center:almaty-cp-center",
        reason="no_capacity",
        deadline_at=LATER,
        **PLACE,
    ),
    "referral/offer_reminder_due": step(
        events.OfferReminderDueV1, S.OFFERED, 2, actor="steward", deadline_at=LATER, **PLACE
    ),
    "referral/offer_expired": step(events.OfferExpiredV1, S.SUBMITTED, 3, actor="steward", deadline_at=LATER, **PLACE),
    "referral/referral_admitted": step(
        events.ReferralAdmittedV1,
        S.ADMITTED,
        4,
        actor="center:almaty-cp-center",
        deadline_at=LATER,
        admit_on=date(2026, 11, 23),
        **PLACE,
    ),
    "referral/referral_no_show": step(
        events.ReferralNoShowV1,
        S.NO_SHOW,
        4,
        actor="center:almaty-cp-center",
        reason="child_ill",
        deadline_at=LATER,
        **PLACE,
    ),
    "referral/referral_resubmitted": step(
        events.ReferralResubmittedV1, S.SUBMITTED, 5, actor="polyclinic:polyclinic-7", deadline_at=LATER
    ),
    "referral/referral_completed": step(
        events.ReferralCompletedV1, S.COMPLETED, 5, actor="center:almaty-cp-center", reason="improved", **PLACE
    ),
    "referral/referral_cancelled": step(
        events.ReferralCancelledV1, S.CANCELLED, 2, actor="polyclinic:polyclinic-7", reason="family_withdrew"
    ),
    "referral/referral_corrected": step(
        events.ReferralCorrectedV1, S.OFFERED, 2, actor="polyclinic:polyclinic-7", deadline_at=LATER, **PLACE
    ),
    "referral/referral_escalated": step(
        events.ReferralEscalatedV1,
        S.WAITING,
        2,
        actor="steward",
        reason="waiting_long",
        deadline_at=LATER,
        escalation="waiting_long",
    ),
    "referral/center_registered": events.CenterRegisteredV1(center_id="almaty-cp-center", version=4),
    "referral/figure_set": events.FigureSetV1(
        places=40, suspended=False, confirmed_at=AT, version=3, actor="center:almaty-cp-center", **PLACE
    ),
}
