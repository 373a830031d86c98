"""What holds on every route of every service: unknown parameters are refused, and nothing is redirected."""

import re
from collections.abc import Iterator
from uuid import UUID

import httpx2
from fastapi import FastAPI

from services.contracts.purposes import Purpose, default_purpose

EXPECTED = {"intake": 12, "referral": 24, "capacity": 16}
"""At least so many routes, so that a walk over nothing fails."""


def every_route(app: FastAPI) -> Iterator[tuple[str, str, list[str]]]:
    """Method, path (any id in it) and query parameters of all routes in the application's OpenAPI."""
    for path, methods in app.openapi()["paths"].items():
        filled = re.sub(r"\{[^}]*\}", str(UUID(int=7)), path)
        for method, described in methods.items():
            named = [one["name"] for one in described.get("parameters", ()) if one["in"] == "query"]
            yield method.upper(), filled, named


async def assert_rules_of_every_route(app: FastAPI, client: httpx2.AsyncClient, least: int) -> None:
    """`client` has every role. The wrong parameter keeps a request from having an effect."""
    routes = list(every_route(app))
    assert len(routes) >= least
    for method, path, named in routes:
        for given, code, words in (
            ("colour=red", "unknown_parameter", "is n"),
            *((f"{name}z=1", "unknown_parameter", f"did you mean {name}?") for name in named),
            *((f"{name.capitalize()}=1", "unknown_parameter", f"did you mean {name}?") for name in named),
            *((f"{name}=1&{name}=2", "repeated_parameter", "more than once") for name in named),
        ):
            for url in (f"{path}?{given}", f"{path}/?{given}", f"{path}//?{given}"):
                answer = await client.request(method, url)
                assert (answer.status_code, answer.json()["code"]) == (422, code), (method, url, answer.text)
                (error,) = answer.json()["errors"]
                assert error["field"] == given.partition("=")[0]
                assert words in error["message"]


async def assert_bodies_of_every_route(app: FastAPI, client: httpx2.AsyncClient) -> None:
    """`client` has every role. Bytes that are no JSON in UTF-8 are refused by what they are, before any effect."""
    routes = [
        (method.upper(), re.sub(r"\{[^}]*\}", str(UUID(int=7)), path))
        for path, methods in app.openapi()["paths"].items()
        for method, described in methods.items()
        if "application/json" in described.get("requestBody", {}).get("content", {})
    ]
    assert len(routes) >= 6
    for method, path in routes:
        for body, code in (
            ('{"note": "мама"}'.encode("cp1251"), "body_not_utf8"),
            (b'{"note": ', "json_invalid"),
            (b"[" * 50_000, "json_too_deep"),
        ):
            answer = await client.request(method, path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, (method, path, answer.text)
            assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [("body", code)]
        for body in (b"[1]", b'"text"', b"NaN", b'{"note": NaN, "places": Infinity}', b"[" * 900 + b"]" * 900):
            answer = await client.request(method, path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, (method, path, answer.text)


async def assert_every_route_describes_the_purpose(app: FastAPI, client: httpx2.AsyncClient) -> None:
    """The OpenAPI has the header with all its codes and the route's default, and each route refuses another code."""
    for path, methods in app.openapi()["paths"].items():
        for method, described in methods.items():
            (schema,) = [one["schema"] for one in described["parameters"] if one["name"] == "Purpose-Of-Use"]
            default = default_purpose(described["tags"])
            assert schema == {"type": "string", "enum": [*Purpose], "default": default}, (method, path)
            filled = re.sub(r"\{[^}]*\}", str(UUID(int=7)), path)
            answer = await client.request(method, filled, headers={"Purpose-Of-Use": "curiosity"})
            assert (answer.status_code, answer.json()["code"]) == (422, "unknown_purpose"), (method, path)


async def assert_probes_are_not_redirected(client: httpx2.AsyncClient) -> None:
    for path in ("/livez/", "/readyz/", "/metrics/", "/docs/", "/openapi.json/", "/v1/nowhere/"):
        answer = await client.get(path)
        assert not answer.is_redirect, path
        assert "location" not in answer.headers
