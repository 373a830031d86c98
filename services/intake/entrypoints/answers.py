"""The outcome of a submission as an HTTP answer, and as a line of a bulk answer."""

from dataclasses import asdict
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from services.contracts.submissions import DiagnosisSubmission
from services.intake.handlers.bulk import LineResult
from services.intake.handlers.drafts import Draft
from services.intake.handlers.outcomes import (
    Invalid,
    KeyReused,
    OpenReferralExists,
    Outcome,
    PossibleDuplicate,
    Recorded,
    Unavailable,
)
from services.intake.handlers.submit import tells_of_another
from services.kit.http.limits import Budget, limits_of
from services.kit.http.problems import FieldError, Problem, fields_problem

_REPLAYED = {"Idempotency-Replayed": "true"}


def receipt(recorded: Recorded) -> dict[str, Any]:
    """The fields of a DiagnosisReceipt."""
    return {
        "referral_id": str(recorded.referral_id),
        "child_id": str(recorded.child_id),
        "priority": recorded.priority.value,
        "submitted_at": recorded.submitted_at.isoformat(timespec="milliseconds"),
        "warnings": [asdict(one) for one in recorded.warnings],
    }


async def may_be_told(request: Request, outcome: Outcome | Invalid) -> Outcome | Invalid:
    """The outcome as it may be told: that another polyclinic has a child, as seldom as look-ups are answered.

    Raises Problem 429 for a refusal beyond that; what was recorded is told without its warning then.
    """
    if tells_of_another(outcome):
        try:
            await limits_of(request).spend(Budget.LOOK_UPS, request.state.caller)
        except Problem:
            if not isinstance(outcome, Recorded):
                raise
            return outcome.without_duplicates()
    return outcome


def answer(outcome: Outcome | Invalid) -> Response:
    """201 with the receipt; every other outcome is a problem document."""
    if isinstance(outcome, Recorded):
        headers = {"Location": f"/v1/diagnoses/{outcome.referral_id}"} | (_REPLAYED if outcome.replayed else {})
        return Response(orjson.dumps(receipt(outcome)), 201, headers, "application/json")
    return problem(outcome).response()


def judgement(judged: Draft | Invalid) -> Response:
    """200 with the fields of a CheckedDiagnosis, or the problem document of the errors."""
    if isinstance(judged, Invalid):
        return problem(judged).response()
    return JSONResponse(
        {
            "submission": judged.submission.model_dump(mode="json", include=set(DiagnosisSubmission.model_fields)),
            "priority": judged.priority.value,
            "warnings": [asdict(one) for one in judged.warnings],
        }
    )


def problem(outcome: OpenReferralExists | PossibleDuplicate | KeyReused | Invalid | Unavailable) -> Problem:
    if isinstance(outcome, Invalid):
        return fields_problem([FieldError(**asdict(one)) for one in outcome.errors])
    if isinstance(outcome, KeyReused):
        return Problem(422, "idempotency_key_reused", "Idempotency-Key: was used before with another body")
    if isinstance(outcome, PossibleDuplicate):
        return _possible_duplicate(outcome)
    if isinstance(outcome, Unavailable):
        return Problem(503, "unavailable", "Not recorded: send it again.", headers={"Retry-After": "1"})
    return _open_referral(outcome)


def _open_referral(outcome: OpenReferralExists) -> Problem:
    """Another polyclinic's is not named."""
    if own := outcome.named:
        detail, extra = f"The child has an open referral: {own[0]}", {"referral_id": str(own[0])}
    else:
        detail, extra = "The child has an open referral at another polyclinic: ask for it by POST /v1/transfers", {}
    return Problem(409, "open_referral_exists", detail, extra=extra)


def _possible_duplicate(outcome: PossibleDuplicate) -> Problem:
    ids = [str(one) for one in outcome.named]
    of = ", ".join(ids) or "another polyclinic"
    return Problem(
        409,
        "possible_duplicate",
        "An open referral is of a child with the same birth date, sex and guardian's phone "
        f"({of}). If this is another child, such as a twin, send it again with not_duplicate_of: [{', '.join(ids)}]",
        extra={"referral_ids": ids},
    )


def result_line(result: LineResult) -> bytes:
    """One line of NDJSON: status 201 with the receipt, or status, code and errors of the refusal."""
    return orjson.dumps({"line": result.number} | _result(result.outcome), option=orjson.OPT_APPEND_NEWLINE)


def refused_line(number: int, refused: Problem) -> bytes:
    """One line of NDJSON for a line that is refused before its outcome is told."""
    told = {"line": number, "status": refused.status, "code": refused.code, "detail": refused.detail}
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _result(outcome: Outcome | Invalid) -> dict[str, Any]:
    if isinstance(outcome, Recorded):
        return {"status": 201, **receipt(outcome), **({"replayed": True} if outcome.replayed else {})}
    if isinstance(outcome, Unavailable):
        return {"status": 503, "code": "unavailable", "detail": "Not recorded: send this line again."}
    refused = problem(outcome)
    errors = {"errors": [one.model_dump() for one in refused.errors]} if refused.errors else {}
    more = {"more_errors": refused.more_errors} if refused.more_errors else {}
    return {"status": refused.status, "code": refused.code, "detail": refused.detail, **refused.extra, **errors, **more}
