"""`/v1/diagnoses`: submitting one diagnosis."""

from fastapi import APIRouter, Request, Response

from services.contracts.submissions import DiagnosisReceipt
from services.intake.entrypoints.access import Polyclinic, TheIntake
from services.intake.entrypoints.answers import answer
from services.intake.entrypoints.bodies import expect_type, idempotency_key, read_body
from services.intake.entrypoints.examples import SUBMISSION_BODY, SUBMIT_RESPONSES

router = APIRouter(tags=["diagnoses"])


@router.post(
    "/v1/diagnoses",
    status_code=201,
    response_model=DiagnosisReceipt,
    summary="Submit a child's diagnosis",
    openapi_extra=SUBMISSION_BODY,
    responses=SUBMIT_RESPONSES,
)
async def submit_diagnosis(request: Request, polyclinic: Polyclinic, intake: TheIntake) -> Response:
    """Record a diagnosis and open a referral. The child is routed to the nearest center with a free place by itself.

    With an `Idempotency-Key` a repeat gets the first answer (`Idempotency-Replayed: true`).
    """
    expect_type(request, "application/json")
    key = idempotency_key(request)
    return answer(await intake.submitting.submit_raw(await read_body(request), polyclinic.org, key))
