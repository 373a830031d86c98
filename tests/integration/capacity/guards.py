"""Asking an application past its client: which guards a route has, and what is answered before a body is received."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import ClientDisconnect

from services.kit.http.auth import Require


def api_routes(app: FastAPI) -> list[tuple[str, APIRoute]]:
    """Path and route of everything under /v1; FastAPI includes routers lazily, so they are walked."""
    found = iter_route_contexts(app.routes)
    paths = [(one.path or "", one.original_route) for one in found]
    return [(path, route) for path, route in paths if path.startswith("/v1/") and isinstance(route, APIRoute)]


def guards(route: APIRoute) -> list[Require]:
    """The roles' checks among the route's dependencies, however deep."""

    def walk(one: Dependant) -> Iterator[Require]:
        for each in one.dependencies:
            if isinstance(each.call, Require):
                yield each.call
            yield from walk(each)

    return list(walk(route.dependant))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Status and problem code of an answer, and whether the application asked for the body first."""

    status: int
    code: str
    asked_for_body: bool


async def refusal_of(
    app: FastAPI, method: str, path: str, token: str | None = None, content_type: str = "application/json"
) -> Refusal:
    """The answer to a request that declares a long body and never sends it: the client goes away instead."""
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"1000000000")]
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    asked, sent = False, list[Any]()

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked = True
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    with suppress(ClientDisconnect):
        await app(scope, receive, send)
    body = b"".join(one.get("body", b"") for one in sent)
    return Refusal(sent[0]["status"], json.loads(body)["code"] if body else "", asked)
