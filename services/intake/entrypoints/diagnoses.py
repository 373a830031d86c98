"""`/v1/diagnoses`: submitting one diagnosis."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.contracts.submissions import DiagnosisReceipt
from services.intake.entrypoints.access import Polyclinic, TheIntake
from services.intake.entrypoints.answers import answer, judgement, may_be_told
from services.intake.entrypoints.bodies import LARGEST_SUBMISSION, expect_type, idempotency_key
from services.intake.entrypoints.openapi import SUBMISSION_REQUEST, SUBMISSION_RESPONSES
from services.kit.audit import recorded
from services.kit.http.auditing import audited
from services.kit.http.routes import guarded_router

router = guarded_router(tags=["diagnoses"])


@router.post(
    "/v1/diagnoses",
    status_code=201,
    response_model=DiagnosisReceipt,
    summary="Submit a child's diagnosis",
    openapi_extra=SUBMISSION_REQUEST,
    responses=SUBMISSION_RESPONSES,
    max_body_size=LARGEST_SUBMISSION,
)
@audited(apart=True)
async def submit_diagnosis(
    request: Request,
    polyclinic: Polyclinic,
    intake: TheIntake,
    check: Annotated[bool, Query(description="Judge only: nothing is recorded")] = False,
) -> Response:
    """Record a diagnosis and open a referral. The network routes the child to the nearest center with a free place.

    With an `Idempotency-Key` a repeat gets the first answer (`Idempotency-Replayed: true`).
    """
    expect_type(request, "application/json")
    if check:
        return judgement(intake.submitting.check(await request.body(), polyclinic))
    recorded()
    key = idempotency_key(request)
    outcome = await intake.submitting.submit(await request.body(), polyclinic, key)
    return answer(await may_be_told(request, outcome))
