"""What the OpenAPI document shows of bodies that are read by hand."""

from typing import Any

from services.contracts.submissions import DiagnosisSubmission
from services.kit.problems import ProblemDetails

EXAMPLE = {
    "child": {"iin": "200615600015", "full_name": "Үлгі Бала", "birth_date": "2020-06-15", "sex": "female"},
    "guardian": {"full_name": "Үлгі Ана", "phone": "+77010000000"},
    "diagnosis": {"icd10": "G80.1", "gmfcs": "III"},
    "settlement_id": "almaty",
    "modalities": ["inpatient", "day_stay"],
    "max_distance_km": 600,
}
"""A made-up child."""

_schema = DiagnosisSubmission.model_json_schema(ref_template="#/components/schemas/DiagnosisSubmission/$defs/{model}")
SUBMISSION_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _schema, "example": EXAMPLE}}},
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
            "description": "Any key of the polyclinic's own; kept for 30 days.",
        }
    ],
}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "model": ProblemDetails, "content": {"application/problem+json": {}}}


SUBMIT_RESPONSES: dict[int | str, dict[str, Any]] = {
    201: {"description": "Recorded; `Location` names it"},
    409: _problem("`open_referral_exists`: the child has an open referral, named in `referral_id`"),
    413: _problem("`too_large`"),
    415: _problem("`unsupported_media_type`"),
    422: _problem("`validation_failed` with every field's error, or `idempotency_key_reused`"),
    503: _problem("`unavailable`: nothing was recorded or an answer was lost; repeat with the same key"),
}
