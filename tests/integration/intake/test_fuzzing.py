"""Whatever is sent to be submitted, intake never fails: it takes it or says what is wrong."""

import json
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from services.intake.domain.normalizing import FIELDS
from services.intake.entrypoints.openapi import EXAMPLE
from tests.unit.intake.samples import child_body

EXAMPLES = settings(max_examples=150, suppress_health_check=list(HealthCheck))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=40)
anything = st.recursive(
    scalars,
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), some, max_size=3),
)


@pytest.fixture
def server(api: FastAPI, token: Any) -> TestClient:
    headers = {"Authorization": f"Bearer {token('polyclinic', 'p1')}"}
    return TestClient(api, headers=headers, raise_server_exceptions=False)


def accepted(status: int) -> bool:
    return status in (201, 409, 413, 415, 422)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_a_body_made_from_the_schema_never_fails(server: TestClient, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(server.app.openapi())  # type: ignore[attr-defined]
    operation = schema["/v1/diagnoses"]["POST"]

    @given(operation.as_strategy(generation_mode=mode))
    @EXAMPLES
    def check(case: Any) -> None:
        answer = server.request(
            "POST",
            "/v1/diagnoses",
            content=json.dumps(case.body, default=str).encode(),
            headers={"Content-Type": "application/json"},
        )
        assert accepted(answer.status_code), answer.text

    check()


@given(st.sampled_from([*FIELDS, "child", "extra", "strict", "iin"]), anything)
@EXAMPLES
def test_any_value_in_any_field_never_fails(server: TestClient, path: str, value: Any) -> None:
    body = child_body() | {"consent": {"text_version": "1", "language": "kk", "given_on": "2026-01-01"}}
    group, _, key = path.rpartition(".")
    (body[group] if group else body)[key] = value
    answer = server.post(
        "/v1/diagnoses", content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    assert accepted(answer.status_code), answer.text
    for one in answer.json().get("errors", []):
        assert "is not what must stand here" not in one["message"], one


@given(
    st.binary(max_size=300)
    | st.lists(st.text(max_size=30), max_size=20).map(lambda cells: ",".join(cells).encode("utf-8", "replace"))
)
@EXAMPLES
def test_any_bytes_in_any_format_never_fail(server: TestClient, content: bytes) -> None:
    header = ",".join(["iin,full_name,birth_date,sex,guardian_name,guardian_phone,icd10,settlement_id,modalities\n"])
    for kind, body in (
        ("text/csv", header.encode() + content),
        ("text/csv", content),
        ("application/x-ndjson", content),
    ):
        answer = server.post("/v1/diagnoses/bulk", content=body, headers={"Content-Type": kind})
        assert answer.status_code in (200, 422), answer.text
        for line in answer.content.splitlines() if answer.status_code == 200 else ():
            assert json.loads(line)["status"] in (201, 409, 422)
    answer = server.post("/v1/diagnoses", content=content, headers={"Content-Type": "application/json"})
    assert accepted(answer.status_code)


@given(scalars)
@EXAMPLES
def test_any_lookup_never_fails(server: TestClient, value: Any) -> None:
    content = json.dumps({"iin": value, "a\ud800": value}).encode()
    answer = server.post("/v1/children/lookup", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text


def test_the_example_of_the_schema_is_taken(server: TestClient) -> None:
    assert server.post("/v1/diagnoses", json=EXAMPLE | {"settlement_id": "almaty"}).status_code == 201
