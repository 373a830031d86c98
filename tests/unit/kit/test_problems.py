"""Every error of an API as a problem document."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from services.kit.errors import TransientError
from services.kit.http.app import create_apps
from services.kit.http.health import Health
from services.kit.http.problems import Problem


class Body(BaseModel):
    name: str
    count: int


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = create_apps("test", Health(), nothing).inside

    @app.post("/body")
    async def take(body: Body) -> None: ...

    @app.get("/raise/{what}")
    async def fail(what: str) -> None:
        raise {
            "problem": Problem(409, "illegal_transition", "not now", extra={"allowed_actions": ["accept"]}),
            "transient": TransientError("database: down"),
            "bug": KeyError("secret"),
            "field": Problem.of_field("a.b", "too_far", "is too far"),
        }[what]

    @app.get("/count/{number}")
    async def count(number: int, since: date) -> None: ...

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_problem_has_a_code_and_its_extra_members(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/raise/problem")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:joldama:problem:illegal_transition",
        "title": "Conflict",
        "status": 409,
        "code": "illegal_transition",
        "detail": "not now",
        "allowed_actions": ["accept"],
    }


async def test_a_refused_field_is_named(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/raise/field")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "a.b: is too far"
    assert answer.json()["errors"] == [{"field": "a.b", "code": "too_far", "message": "is too far"}]


async def test_a_wrong_body_names_each_field_without_its_value(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/body", json={"count": "200615600014x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("name", "missing"), ("count", "int_parsing")]
    assert "200615600014" not in answer.text


async def test_broken_json_is_a_problem_too(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/body", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ('{"name": "Айгүл"}'.encode("cp1251", "replace"), "body_not_utf8", "is not UTF-8: its byte 11 is 0xC0"),
        (b'{"name": "\xff"}', "body_not_utf8", "its byte 11 is 0xFF"),
        (b'{"name": "a" "count": 1}', "json_invalid", "commas and brackets, near character 14"),
        (b'{"name": "a", "count": ' + b"9" * 5000 + b"}", "json_invalid", "is no JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "json_too_deep", "within each other"),
        (b'{"name":' * 100_000, "json_too_deep", "within each other"),
        (b"[1]", "model_attributes_type", "must be a JSON object"),
        (b"null", "model_attributes_type", "must be a JSON object"),
        (b'"text"', "model_attributes_type", "must be a JSON object"),
        (b"NaN", "model_attributes_type", "must be a JSON object"),
        (b"", "missing", "must be given"),
    ],
)  # fmt: skip
async def test_a_body_that_cannot_be_read_says_why_and_where(
    client: httpx2.AsyncClient, body: bytes, code: str, words: str
) -> None:
    answer = await client.post("/body", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("body", code)
    assert words in error["message"]


@pytest.mark.parametrize("levels", [900, 1100, 5000])
@pytest.mark.parametrize("value", ["[]", '{"a":}'])
async def test_deep_nesting_in_a_field_is_refused(client: httpx2.AsyncClient, levels: int, value: str) -> None:
    deep = (value[:-1] * levels + "1" + value[-1] * levels).encode()
    for field in (b"count", b"name"):
        body = b'{"name": "a", "count": 1, "' + field + b'": ' + deep + b"}"
        answer = await client.post("/body", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/raise/transient", 503, "unavailable"),
        ("/raise/bug", 500, "internal_error"),
        ("/nowhere", 404, "not_found"),
        ("/body", 405, "method_not_allowed"),
    ],
)
async def test_every_other_error_has_its_code_and_tells_no_detail(
    client: httpx2.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "database" not in answer.text


async def test_answers_are_not_stored_by_anybody(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/nowhere")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_parameter_is_named_as_the_caller_wrote_it(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/count/many", params={"since": "never"})
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [
        ("number", "int_parsing"),
        ("since", "date_from_datetime_parsing"),
    ]


async def test_each_answer_has_the_security_headers_a_fault_of_ours_too(client: httpx2.AsyncClient) -> None:
    for path, status in (("/raise/bug", 500), ("/raise/problem", 409), ("/nowhere", 404), ("/livez", 200)):
        answer = await client.get(path)
        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'self'" in answer.headers["content-security-policy"]
