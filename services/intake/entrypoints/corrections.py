"""Corrections of what was submitted, and the join of two children who are one."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from services.contracts.authority import acting_role
from services.intake.bootstrap import Intake
from services.intake.entrypoints.access import JOINERS, Joiner, Polyclinic, TheIntake
from services.intake.entrypoints.answers import problem
from services.intake.entrypoints.bodies import LARGEST_SUBMISSION, expect_type
from services.intake.entrypoints.openapi import CORRECTION_RESPONSES, JOIN_RESPONSES, correction_request
from services.intake.entrypoints.records import ChildAnswer, CorrectedChild, CorrectedDiagnosis, DiagnosisAnswer, found
from services.intake.handlers.correct import Corrected, Correction, IinTaken, Refused, SharedChild
from services.intake.handlers.join import NotJoinable
from services.kit.audit import note
from services.kit.http.auth import Principal
from services.kit.http.limits import Budget, limits_of
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
    referral_id: UUID,
    request: Request,
    response: Response,
    editor: Polyclinic,
    intake: TheIntake,
    wanted: Precondition,
    check: Annotated[bool, Query(description="Judge only: nothing is corrected")] = False,
) -> CorrectedDiagnosis:
    """A JSON merge patch: what it does not name stays as it is, and null removes what may be left out.

    The turn is kept: who waits is looked at again, and an offer of a programme that does not accept such a child is
    withdrawn. The audit keeps the data before and after.
    """
    corrected = await _correct(intake, editor, Correction.DIAGNOSIS, referral_id, request, wanted, check=check)
    record = found("referral_id", corrected.records)[0]
    response.headers["ETag"] = etag(record.version)
    return CorrectedDiagnosis(**dict(DiagnosisAnswer.of(record)), **_outcome(corrected))


@router.patch(
    "/v1/children/{child_id}",
    summary="Correct a child's or a guardian's data",
    openapi_extra=correction_request({"child": {"birth_date": "2020-06-15"}, "guardian": {"phone": "+77010000001"}}),
    responses=CORRECTION_RESPONSES,
)
async def correct_child(
    child_id: UUID, request: Request, response: Response, editor: Polyclinic, intake: TheIntake, wanted: Precondition
) -> CorrectedChild:
    """A JSON merge patch on `child` and `guardian`, in all referrals of the child that this polyclinic submitted.

    A child without an IIN gets one so. `warnings` are those of a submission. The turn is kept, as with
    `PATCH /v1/diagnoses/{referral_id}`.
    """
    corrected = await _correct(intake, editor, Correction.CHILD, child_id, request, wanted)
    records = found("child_id", corrected.records)
    response.headers["ETag"] = etag(records[0].child_version)
    return CorrectedChild(**dict(ChildAnswer.of(records)), **_outcome(corrected))


class Join(BaseModel, extra="forbid"):
    """The child that turned out to be the one in the path."""

    child_id: UUID


class JoinAnswer(BaseModel, from_attributes=True):
    """The child that stays with all referrals, and which of two open ones stays, with the earlier turn of both."""

    child_id: UUID
    joined_child_id: UUID
    referral_id: UUID | None
    ended_referral_id: UUID | None


@router.post("/v1/children/{child_id}/join", summary="Join two children who are one", responses=JOIN_RESPONSES)
async def join_children(child_id: UUID, other: Join, joiner: Joiner, intake: TheIntake) -> JoinAnswer:
    """A newborn was submitted again with its IIN: joined by a polyclinic with referrals of both, or an operator.

    Of two open referrals the one that has come farther stays, with the earlier turn, and the other is cancelled
    (`joined`). Repeating it changes nothing.
    """
    note({"joins": str(other.child_id)})
    role = acting_role(joiner, JOINERS, polyclinic_id=joiner.org)
    if role is None:
        raise Problem(403, "forbidden", "The token names no organization (claim org).")
    try:
        joined = await intake.joining.join(joiner, role, child_id, other.child_id)
    except NotJoinable as error:
        raise Problem(409, error.code, str(error)) from None
    if joined is None:
        raise Problem(404, "not_found", "child_id: one of the two does not exist, or you may not join it")
    return JoinAnswer.model_validate(joined)


def _outcome(corrected: Corrected) -> dict[str, Any]:
    """The fields of a CorrectionOutcome."""
    return {"corrected": list(corrected.fields), "warnings": [asdict(one) for one in corrected.warnings]}


async def _correct(
    intake: Intake,
    editor: Principal,
    kind: Correction,
    key: UUID,
    request: Request,
    wanted: Expected,
    *,
    check: bool = False,
) -> Corrected:
    expect_type(request, *_TYPES)
    try:
        return await intake.correcting.correct(editor, kind, key, await request.body(), wanted, check=check)
    except Refused as error:
        raise problem(error.invalid) from None
    except VersionMoved:
        raise version_moved() from None
    except SharedChild:
        detail = "child.iin: another polyclinic has referrals of this child by its IIN; an operator can help"
        raise Problem(409, "shared_child", detail) from None
    except IinTaken as error:
        if not error.own:
            await limits_of(request).spend(Budget.LOOK_UPS, request.state.caller)
        raise Problem(
            409,
            "iin_taken",
            "child.iin: another child has this IIN; if it is the same child: POST /v1/children/{child_id}/join",
            extra={"child_id": str(error.child_id)} if error.own else {},
        ) from None
