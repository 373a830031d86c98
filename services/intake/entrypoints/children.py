"""`/v1/children`, and one diagnosis: reading personal data."""

from uuid import UUID

from services.intake.entrypoints.access import Reader, TheIntake
from services.intake.entrypoints.openapi import HIDDEN
from services.intake.entrypoints.records import ChildAnswer, DiagnosisAnswer, Lookup, found
from services.kit.http.routes import guarded_router

router = guarded_router(tags=["personal data"])


@router.get("/v1/diagnoses/{referral_id}", responses=HIDDEN, summary="A diagnosis as it was submitted")
async def read_diagnosis(referral_id: UUID, reader: Reader, intake: TheIntake) -> DiagnosisAnswer:
    """For the polyclinic that submitted it, or the center that holds an open offer for it. The read is audited.

    A center may read a moment after its offer was made: the access rules follow the referral's events.
    """
    return DiagnosisAnswer.of(found("referral_id", await intake.reading.diagnosis(reader, referral_id))[0])


@router.post("/v1/children/lookup", responses=HIDDEN, summary="A child by its IIN")
async def look_up_child(lookup: Lookup, reader: Reader, intake: TheIntake) -> ChildAnswer:
    """The child with that IIN, with those of its referrals that the asker may read. The read is audited."""
    return ChildAnswer.of(found("iin", await intake.reading.look_up(reader, lookup.iin)))


@router.get("/v1/children/{child_id}", responses=HIDDEN, summary="A child and its referrals")
async def read_child(child_id: UUID, reader: Reader, intake: TheIntake) -> ChildAnswer:
    """The child, with those of its referrals that the asker may read. The read is audited."""
    return ChildAnswer.of(found("child_id", await intake.reading.child(reader, child_id)))
