"""`/v1/family`: a referral for its family, without a token; and the code for it, for the polyclinic that prints it."""

from datetime import date
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from services.contracts.family import FamilyOutlook
from services.intake.domain.family_codes import read_code
from services.intake.entrypoints.access import Polyclinic, TheIntake
from services.intake.entrypoints.openapi import HIDDEN, Responses, refusal
from services.intake.entrypoints.records import Private
from services.intake.entrypoints.records import found as found_or_404
from services.kit.audit import note
from services.kit.http.auth import Anybody
from services.kit.http.limits import Budget, Caller, limits_of
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router

router = guarded_router(tags=["family"], max_body_size=4096)
UNKNOWN = Problem(404, "not_found", "No referral is known by this code and birth date.")
RESPONSES: Responses = {
    404: refusal("`not_found`: the code, or the birth date, or both are others; or nothing may be told any more"),
    429: refusal("`too_many_requests`: by this address, or for this code"),
    503: refusal("`unavailable`: the referral service does not answer"),
}


class FamilyQuestion(Private, extra="forbid"):
    """The code on the referral's paper, and the child's birth date, which is not on it."""

    code: str = Field(max_length=60, examples=["CCC5T-8Q2MJ-4N0ZW-7XKBE"])
    birth_date: date


class FamilyAnswer(FamilyOutlook):
    """The referral as it is now; `polyclinic_id` is whom to call."""

    polyclinic_id: str


class FamilyCodeAnswer(BaseModel):
    """The code is for the paper that the family gets."""

    code: str


@router.post(
    "/v1/family",
    dependencies=[Depends(Anybody(budget=Budget.FAMILY))],
    responses=RESPONSES,
    summary="A referral by its family's code",
)
async def tell_family(question: FamilyQuestion, request: Request, intake: TheIntake) -> FamilyAnswer:
    """State, center, agreed day and the queues, for whoever has the code and knows the birth date. It is audited.

    No name and no diagnosis. A wrong code and a wrong birth date are answered alike, and looks by one code are counted
    from whatever address they come, whether it is right or not.
    """
    code = read_code(question.code)
    if code is None:
        raise UNKNOWN
    await limits_of(request).spend(Budget.FAMILY, Caller("", code.name), "holder")
    told = await intake.families.tell(code, question.birth_date)
    if told is None:
        raise UNKNOWN
    found, outlook = told
    return FamilyAnswer(**dict(outlook), polyclinic_id=found.polyclinic_id)


@router.get("/v1/diagnoses/{referral_id}/family-code", responses=HIDDEN, summary="The code for the family's paper")
async def read_family_code(referral_id: UUID, polyclinic: Polyclinic, intake: TheIntake) -> FamilyCodeAnswer:
    """For its polyclinic, while the consent holds."""
    records = await intake.reading.diagnosis(polyclinic, referral_id)
    own = [one for one in records if one.polyclinic_id == polyclinic.org and one.consent_withdrawn_at is None]
    record = found_or_404("referral_id", own)[0]
    note(child_id=record.child_id)
    return FamilyCodeAnswer(code=await intake.families.codes.code(referral_id))
