"""`/v1/children`, and one diagnosis: reading personal data."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from services.contracts.vocabulary import Role
from services.intake.entrypoints.access import Reader, TheIntake
from services.intake.entrypoints.records import ChildAnswer, DiagnosisAnswer, Lookup, not_found
from services.intake.handlers.read import Asker
from services.kit.http.auth import Principal
from services.kit.http.problems import ProblemDetails

router = APIRouter(tags=["personal data"])
_HIDDEN: dict[int | str, dict[str, Any]] = {
    404: {
        "description": "`not_found`: it does not exist, or the asker may not read it",
        "model": ProblemDetails,
        "content": {"application/problem+json": {}},
    }
}


def _asker(principal: Principal) -> Asker:
    role = Role.POLYCLINIC if principal.has(Role.POLYCLINIC) else Role.CENTER
    return Asker(principal.subject, role, principal.org)


@router.get("/v1/diagnoses/{referral_id}", responses=_HIDDEN, summary="A diagnosis as it was submitted")
async def read_diagnosis(referral_id: UUID, reader: Reader, intake: TheIntake) -> DiagnosisAnswer:
    """For the polyclinic that submitted it, or the center that holds an open offer for it. The read is audited.

    A center may read a moment after its offer was made: the access rules follow the referral's events.
    """
    found = await intake.reading.diagnosis(_asker(reader), referral_id)
    if not found:
        raise not_found("referral_id")
    return DiagnosisAnswer.of(found[0])


@router.post("/v1/children/lookup", responses=_HIDDEN, summary="A child by its IIN")
async def look_up_child(lookup: Lookup, reader: Reader, intake: TheIntake) -> ChildAnswer:
    """The child with that IIN, as far as the asker may read its referrals. The read is audited."""
    found = await intake.reading.look_up(_asker(reader), lookup.iin)
    if not found:
        raise not_found("iin")
    return ChildAnswer.of(found)


@router.get("/v1/children/{child_id}", responses=_HIDDEN, summary="A child and its referrals")
async def read_child(child_id: UUID, reader: Reader, intake: TheIntake) -> ChildAnswer:
    """The child, as far as the asker may read its referrals. The read is audited."""
    found = await intake.reading.child(_asker(reader), child_id)
    if not found:
        raise not_found("child_id")
    return ChildAnswer.of(found)
