"""All errors of a submission at once, of its shape and by the rules, without the refused values."""

import orjson
import pytest

from services.contracts.submissions import DiagnosisSubmission
from services.intake.handlers.parsing import Unparsed, every_error, parse
from tests.unit.intake.samples import REFERENCE, TODAY, child_body


def refused(body: bytes) -> dict[str, str]:
    with pytest.raises(Unparsed) as caught:
        parse(DiagnosisSubmission, body)
    return {error.field: error.code for error in every_error(caught.value, TODAY, REFERENCE)}


def test_errors_of_shape_and_of_rules_come_together() -> None:
    body = child_body(guardian__phone="1", settlement_id="x", child__birth_date="01.01.2004", modalities=["bed"])
    assert refused(orjson.dumps(body)) == {
        "guardian.phone": "invalid_phone",
        "modalities.0": "enum",
        "settlement_id": "unknown_settlement",
        "child.birth_date": "not_a_child",
    }


def test_missing_and_unknown_fields_are_named() -> None:
    body = child_body(guardian=..., child__sex=...) | {"iin": "1"}
    assert refused(orjson.dumps(body)) == {"guardian": "missing", "child.sex": "missing", "iin": "extra_forbidden"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json_invalid"),
        (b"{", "json_invalid"),
        (b"null", "model_type"),
        (b'"text"', "model_type"),
        (b'{"a": "\xff', "invalid_utf8"),
        (b'{"a": NaN}', "json_invalid"),
        (b"\xef\xbb\xbf[]", "model_type"),
        (b"[" * 50_000, "json_invalid"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes, code: str) -> None:
    assert refused(body) == {"body": code}


def test_a_message_never_repeats_the_refused_value() -> None:
    body = child_body(guardian__phone="+7701SECRET", child__full_name="", child__iin="123456789012")
    with pytest.raises(Unparsed) as caught:
        parse(DiagnosisSubmission, orjson.dumps(body))
    told = repr(every_error(caught.value, TODAY, REFERENCE)) + str(caught.value)
    assert "SECRET" not in told
    assert "123456789012" not in told
