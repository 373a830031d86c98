"""The OpenAPI document of intake."""

from datetime import date
from typing import Any

import orjson
import pytest
from fastapi import FastAPI

from services.contracts.submissions import DiagnosisSubmission
from services.intake.bootstrap import read_reference
from services.intake.domain.validation import check_submission
from services.intake.entrypoints.openapi import EXAMPLE
from services.intake.handlers.formats import BulkSubmission, Csv
from services.kit.settings import CHECKOUT
from tests.integration.intake.conftest import Client

OPERATIONS = {
    ("post", "/v1/diagnoses"),
    ("post", "/v1/diagnoses/bulk"),
    ("get", "/v1/diagnoses/{referral_id}"),
    ("get", "/v1/diagnoses/{referral_id}/family-code"),
    ("post", "/v1/family"),
    ("post", "/v1/children/lookup"),
    ("post", "/v1/diagnoses/names"),
    ("post", "/v1/published"),
    ("get", "/v1/children/{child_id}"),
    ("patch", "/v1/children/{child_id}"),
    ("patch", "/v1/diagnoses/{referral_id}"),
    ("post", "/v1/children/{child_id}/join"),
    ("post", "/v1/children/{child_id}/withdraw-consent"),
    ("get", "/v1/diagnoses/{referral_id}/notes"),
    ("post", "/v1/diagnoses/{referral_id}/notes"),
    ("get", "/v1/children/{child_id}/report"),
    ("get", "/v1/readiness"),
    ("get", "/v1/retention"),
    ("post", "/v1/retention/sweep"),
    ("post", "/v1/transfers"),
    ("get", "/v1/transfers"),
    ("post", "/v1/transfers/{transfer_id}/accept"),
    ("post", "/v1/transfers/{transfer_id}/refuse"),
    ("get", "/v1/audit-log"),
    ("get", "/v1/audit-log/verify"),
    ("post", "/v1/children/{child_id}/erase"),
    ("get", "/v1/keys"),
    ("post", "/v1/keys/rotate"),
}


@pytest.fixture
def document(api: FastAPI) -> dict[str, Any]:
    return api.openapi()


def test_every_operation_is_described_with_its_refusals(document: dict[str, Any]) -> None:
    found = {(method, path): what for path, ways in document["paths"].items() for method, what in ways.items()}
    assert found.keys() == OPERATIONS
    for operation in found.values():
        assert operation["summary"]
        assert operation["description"]
        assert any(status.startswith("4") for status in operation["responses"])


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [r for value in node.values() for r in references(value)]
        return [r for value in node for r in references(value)] if isinstance(node, list) else []

    assert references(document)
    for reference in set(references(document)):
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_the_examples_are_valid(document: dict[str, Any]) -> None:
    reference = read_reference(CHECKOUT / "data")
    example = DiagnosisSubmission.model_validate(EXAMPLE)
    assert check_submission(example, date(2026, 11, 20), reference) == []
    content = document["paths"]["/v1/diagnoses/bulk"]["post"]["requestBody"]["content"]
    assert BulkSubmission.model_validate_json(content["application/x-ndjson"]["example"])
    header, row, _ = content["text/csv"]["example"].encode().split(b"\n")
    assert Csv(header).read(row).child.iin == example.child.iin


async def test_docs_render_without_the_internet(client: Client) -> None:
    page = await client("operator").get("/docs")
    assert page.status_code == 200
    assert "cdn." not in page.text
    assert orjson.loads((await client("operator").get("/openapi.json")).content)["openapi"].startswith("3.")


@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS - {("post", "/v1/family")}))
async def test_every_operation_but_the_familys_needs_a_token(client: Client, method: str, path: str) -> None:
    stranger = client("polyclinic", "p1")
    del stranger.headers["Authorization"]
    answer = await stranger.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_without_an_organization_submits_nothing(client: Client) -> None:
    answer = await client("polyclinic").post("/v1/diagnoses", json=EXAMPLE)
    assert (answer.status_code, answer.json()["detail"]) == (403, "The token names no organization (claim org).")
