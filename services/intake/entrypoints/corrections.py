"""`PATCH /v1/children/{child_id}` and `PATCH /v1/diagnoses/{referral_id}`: a polyclinic corrects what it submitted."""

from uuid import UUID

from fastapi import Request, Response

from services.intake.bootstrap import Intake
from services.intake.entrypoints.access import Polyclinic, TheIntake
from services.intake.entrypoints.answers import problem
from services.intake.entrypoints.bodies import LARGEST_SUBMISSION, expect_type
from services.intake.entrypoints.openapi import CORRECTION_RESPONSES, correction_request
from services.intake.entrypoints.records import ChildAnswer, DiagnosisAnswer, found
from services.intake.handlers.correct import Correction, IinTaken, Refused, SharedChild
from services.intake.handlers.read import DiagnosisRecord
from services.kit.http.auth import Principal
from services.kit.http.preconditions import Precondition, etag, version_moved
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.kit.versions import Expected, VersionMoved

router = guarded_router(tags=["corrections"], max_body_size=LARGEST_SUBMISSION)
_TYPES = ("application/json", "application/merge-patch+json")


@router.patch(
    "/v1/diagnoses/{referral_id}",
    summary="Correct a diagnosis",
    openapi_extra=correction_request({"diagnosis": {"gmfcs": "IV"}, "settlement_id": "1526384"}),
    responses=CORRECTION_RESPONSES,
)
async def correct_diagnosis(
    referral_id: UUID, request: Request, response: Response, editor: Polyclinic, intake: TheIntake, wanted: Precondition
) -> DiagnosisAnswer:
    """A JSON merge patch: what it does not name stays as it is, and null removes what may be left out.

    The turn is kept: who waits is looked at again, and an offer of a programme that does not accept such a child is
    withdrawn. The audit keeps the data before and after.
    """
    records = await _correct(intake, editor, Correction.DIAGNOSIS, referral_id, request, wanted)
    record = found("referral_id", records)[0]
    response.headers["ETag"] = etag(record.version)
    return DiagnosisAnswer.of(record)


@router.patch(
    "/v1/children/{child_id}",
    summary="Correct a child's or a guardian's data",
    openapi_extra=correction_request({"child": {"birth_date": "2020-06-15"}, "guardian": {"phone": "+77010000001"}}),
    responses=CORRECTION_RESPONSES,
)
async def correct_child(
    child_id: UUID, request: Request, response: Response, editor: Polyclinic, intake: TheIntake, wanted: Precondition
) -> ChildAnswer:
    """A JSON merge patch on `child` and `guardian`, in all referrals of the child that this polyclinic submitted.

    A child without an IIN gets one so. The turn is kept, as with `PATCH /v1/diagnoses/{referral_id}`.
    """
    records = found("child_id", await _correct(intake, editor, Correction.CHILD, child_id, request, wanted))
    response.headers["ETag"] = etag(records[0].child_version)
    return ChildAnswer.of(records)


async def _correct(
    intake: Intake, editor: Principal, kind: Correction, key: UUID, request: Request, wanted: Expected
) -> list[DiagnosisRecord]:
    expect_type(request, *_TYPES)
    try:
        return await intake.correcting.correct(editor, kind, key, await request.body(), wanted)
    except Refused as error:
        raise problem(error.invalid) from None
    except VersionMoved:
        raise version_moved() from None
    except SharedChild:
        detail = "child.iin: another polyclinic has referrals of this child by its IIN; an operator can help"
        raise Problem(409, "shared_child", detail) from None
    except IinTaken as error:
        raise Problem(
            409,
            "iin_taken",
            "child.iin: another child has this IIN",
            extra={"child_id": str(error.child_id)} if error.child_id else {},
        ) from None
