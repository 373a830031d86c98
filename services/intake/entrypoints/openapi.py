"""The OpenAPI description of intake's routes: bodies that FastAPI does not parse, with examples, and refusals."""

from typing import Any

import orjson

from services.contracts.submissions import CSV_COLUMNS, CheckedDiagnosis, SubmissionRequest
from services.kit.http.problems import ProblemDetails

Responses = dict[int | str, dict[str, Any]]
EXAMPLE = {
    "child": {"iin": "200615600014", "full_name": "Үлгі Бала", "birth_date": "2020-06-15", "sex": "female"},
    "guardian": {"full_name": "Үлгі Ана", "phone": "+77010000000"},
    "diagnosis": {"icd10": "G80.1", "gmfcs": "III"},
    "settlement_id": "1526384",
    "modalities": ["inpatient", "day_stay"],
    "max_distance_km": 600,
    "consent": {"text_version": "2026-1", "language": "kk", "given_on": "2026-11-02"},
}
"""A made-up child."""
_CSV_EXAMPLE = (
    ",".join(CSV_COLUMNS)
    + "\n200615600014,Үлгі Бала,2020-06-15,female,Үлгі Ана,+77010000000,G80.1,III,1526384,inpatient;day_stay,600,\n"
)


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """`node` with each `#/$defs/…` replaced by its definition: a schema inside the document cannot refer to them."""
    if isinstance(node, list):
        return [_inlined(one, definitions) for one in node]
    if not isinstance(node, dict):
        return node
    if reference := node.get("$ref"):
        return _inlined(definitions[reference.rpartition("/")[2]], definitions)
    return {name: _inlined(value, definitions) for name, value in node.items() if name != "$defs"}


def _request(content: dict[str, Any], key: str) -> dict[str, Any]:
    """A required body of these media types, and the Idempotency-Key header with the description `key`."""
    schema = {"type": "string", "minLength": 1, "maxLength": 200}
    header = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": key}
    return {"requestBody": {"required": True, "content": content}, "parameters": [header]}


def refusal(description: str) -> dict[str, Any]:
    """A response that is a problem document."""
    return {"description": description, "model": ProblemDetails, "content": {"application/problem+json": {}}}


_schema = SubmissionRequest.model_json_schema()
SUBMISSION_REQUEST = _request(
    {"application/json": {"schema": _inlined(_schema, _schema["$defs"]), "example": EXAMPLE}},
    "Any key of the polyclinic's own. What was recorded under it is kept for 30 days; a refusal is judged anew.",
)
SUBMISSION_RESPONSES: Responses = {
    200: {"description": "With `check`: what would be recorded", "model": CheckedDiagnosis},
    201: {"description": "Recorded; `Location` names it; `warnings` are to be looked at"},
    409: refusal(
        "`open_referral_exists`: the child has an open referral, named in `referral_id` when it is the asker's own; "
        "another polyclinic's is asked for by `POST /v1/transfers`; `possible_duplicate`: a child "
        "without an IIN has the birth date, sex and guardian's phone of open referrals (`referral_ids`: those of the "
        "asker): if it is another child, send it again with `not_duplicate_of`"
    ),
    413: refusal("`too_large`"),
    415: refusal("`unsupported_media_type`, or `unsupported_encoding`: the body is compressed"),
    422: refusal("`validation_failed` with the wrong fields (their form first), or `idempotency_key_reused`"),
    503: refusal(
        "`unavailable`: nothing was recorded or an answer was lost, or the referral service could not say whether an "
        "earlier referral of the child is over; repeat with the same key"
    ),
}
CORRECTION_RESPONSES: Responses = {
    404: refusal("`not_found`: it does not exist, or another polyclinic submitted it"),
    409: refusal(
        "`iin_taken`: another child has the IIN, named in `child_id` when the asker may see it; `shared_child`"
    ),
    412: refusal("`version_moved`: it is not of the version in `If-Match`"),
    422: refusal("`validation_failed` with the wrong fields; nothing was changed"),
    503: refusal("`unavailable`: the referral service does not say who has the child now; nothing was changed"),
}


TRANSFER_RESPONSES: Responses = {
    404: refusal("`not_found`: there is none that the asker may decide"),
    409: refusal("`already_decided`: otherwise, as `state` says"),
    503: refusal("`unavailable`: the referral service does not say whether the referral is over; nothing was changed"),
}
JOIN_RESPONSES: Responses = {
    404: refusal("`not_found`: one does not exist, or the polyclinic has no referral of it"),
    409: refusal("`different_iins`, `different_children` (birth date or sex): correct first; `same_child`"),
}


def correction_request(example: dict[str, Any]) -> dict[str, Any]:
    """A required body that is a JSON merge patch."""
    schema = {"type": "object", "description": "A JSON merge patch (RFC 7396) on what GET answers"}
    content = {"schema": schema, "example": example}
    types = ("application/json", "application/merge-patch+json")
    return {"requestBody": {"required": True, "content": dict.fromkeys(types, content)}}


BULK_REQUEST = _request(
    {
        "application/x-ndjson": {
            "schema": {"type": "string", "description": "A body of `POST /v1/diagnoses` a line (up to 64 KB)"},
            "example": orjson.dumps(EXAMPLE | {"idempotency_key": "order-1"}).decode(),
        },
        "text/csv": {
            "schema": {
                "type": "string",
                "description": "A header with these columns in any order, then a row a line, with commas, semicolons "
                "or tabs between the cells; modalities are separated by `;` or `,`; columns `idempotency_key` and "
                "`not_duplicate_of` (ids with `;`) may be added; a cell holds no line break",
            },
            "example": _CSV_EXAMPLE,
        },
    },
    "Gives each line that has no `idempotency_key` a key of this and its number. With a key a "
    "repeated file gets the first receipts, where newborns without an IIN would be refused as possible duplicates.",
)
BULK_RESPONSES: Responses = {
    200: {
        "description": "One result a line, in their order; empty lines have none",
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"line":1,"status":201,"referral_id":"0199…","child_id":"0199…","priority":"routine",'
                '"submitted_at":"2026-11-20T06:30:00.000+00:00","warnings":[]}\n'
                '{"line":2,"status":409,"code":"open_referral_exists","detail":"…","referral_id":"0199…"}\n'
                '{"line":3,"status":422,"code":"validation_failed","detail":"…","errors":[{"field":"child.iin",'
                '"code":"invalid_iin","message":"its check digit does not fit…"}]}\n',
            }
        },
    },
    415: refusal("`unsupported_media_type`, or `unsupported_encoding`: the body is compressed"),
    422: refusal("`wrong_header`: the CSV's header, naming the column; `json_not_lines`; nothing was recorded"),
}
_UNKNOWN = refusal("`unavailable`: the referral service does not say who has the child now, so nobody is shown it")
HIDDEN: Responses = {404: refusal("`not_found`: it does not exist, or the asker may not read it"), 503: _UNKNOWN}
ERASURE_RESPONSES: Responses = {
    404: refusal("`not_found`: it does not exist, or the polyclinic has no referral of it"),
    409: refusal("`referral_open`: it is named, and to be cancelled first; `shared_child`: an administrator decides"),
    503: _UNKNOWN,
}
