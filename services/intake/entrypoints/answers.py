"""What a submission's outcome looks like over HTTP."""

from typing import Any

import orjson
from fastapi import Response

from services.intake.entrypoints.bodies import refuse
from services.intake.handlers.bulk import LineResult
from services.intake.handlers.outcomes import Invalid, KeyReused, OpenReferralExists, Outcome, Recorded, Unavailable
from services.kit.http.problems import Problem

_REPLAYED = {"Idempotency-Replayed": "true"}


def receipt(taken: Recorded) -> dict[str, str]:
    """A DiagnosisReceipt's fields."""
    return {
        "referral_id": str(taken.referral_id),
        "child_id": str(taken.child_id),
        "priority": taken.priority.value,
        "submitted_at": taken.submitted_at.isoformat(timespec="milliseconds"),
    }


def answer(outcome: Outcome | Invalid) -> Response:
    """201 with the receipt; every other outcome is a problem document."""
    if isinstance(outcome, Recorded):
        headers = {"Location": f"/v1/diagnoses/{outcome.referral_id}"} | (_REPLAYED if outcome.replayed else {})
        return Response(orjson.dumps(receipt(outcome)), 201, headers, "application/json")
    return problem(outcome).response()


def problem(outcome: OpenReferralExists | KeyReused | Invalid) -> Problem:
    if isinstance(outcome, Invalid):
        return refuse(outcome.errors)
    if isinstance(outcome, KeyReused):
        return Problem(422, "idempotency_key_reused", "Idempotency-Key: was used before with another body")
    return Problem(
        409,
        "open_referral_exists",
        f"The child has an open referral: {outcome.referral_id}",
        extra={"referral_id": str(outcome.referral_id)},
        headers=_REPLAYED if outcome.replayed else {},
    )


def result_line(result: LineResult) -> bytes:
    """One line of NDJSON: the receipt under status 201, or the status, code and errors of the refusal."""
    return orjson.dumps({"line": result.number} | _result(result.outcome), option=orjson.OPT_APPEND_NEWLINE)


def _result(outcome: Outcome | Invalid | Unavailable) -> dict[str, Any]:
    if isinstance(outcome, Recorded):
        return {"status": 201, **receipt(outcome), **({"replayed": True} if outcome.replayed else {})}
    if isinstance(outcome, Unavailable):
        return {"status": 503, "code": "unavailable", "detail": "Not recorded: send this line again."}
    refused = problem(outcome)
    members = {"status": refused.status, "code": refused.code, "detail": refused.detail, **refused.extra}
    if refused.errors:
        members["errors"] = [error.model_dump() for error in refused.errors]
    return members
