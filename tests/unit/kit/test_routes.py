"""Guarded routes: token and role are checked before the body is received, and a body is bounded."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Depends, FastAPI, Request
from joserfc.jwk import RSAKey
from pydantic import BaseModel
from starlette.types import Message, Scope

from services.kit.http.app import create_apps
from services.kit.http.auth import Principal, Require, TokenVerifier
from services.kit.http.health import Health
from services.kit.http.issuer_keys import IssuerKeys
from services.kit.http.routes import BODY, guarded_router
from tests.unit.kit.tokens import AUDIENCE, ISSUER, sign, write_keys

PART = bytes(65_536)
HUGE = 1024
"""Parts: 64 MiB."""
GUARDED = ["/direct", "/nested", "/of-router", "/stream"]


class Body(BaseModel):
    name: str


Center = Annotated[Principal, Depends(Require("center"))]


async def room(center: Center) -> str:
    return f"a room of {center.org}"


async def bed(room: Annotated[str, Depends(room)]) -> str:
    return f"a bed in {room}"


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture
def app(tmp_path: Path, key: RSAKey) -> FastAPI:
    app = create_apps("test", Health(), nothing).inside
    app.state.verifier = TokenVerifier(IssuerKeys(str(write_keys(tmp_path / "jwks.json", key))), ISSUER, AUDIENCE)
    router = guarded_router(tags=["test"])
    centers = guarded_router(tags=["test"], dependencies=[Depends(Require("center"))])

    @router.post("/direct")
    async def direct(body: Body, center: Center) -> str:
        return center.org

    @router.post("/nested")
    async def nested(body: Body, bed: Annotated[str, Depends(bed)]) -> str:
        return bed

    @centers.post("/of-router")
    async def of_router(body: Body) -> None: ...

    @router.post("/checked")
    async def checked(body: Body, center: Annotated[Principal, Depends(Require("center", "operator"))]) -> None: ...

    @router.post("/stream", max_body_size=2 * BODY)
    async def stream(request: Request, center: Center) -> int:
        return sum([len(part) async for part in request.stream()])

    @router.post("/open")
    async def open_to_all(body: Body) -> str:
        return body.name

    app.include_router(router)
    app.include_router(centers)
    return app


@dataclass
class Exchange:
    """One request to an application, as a server passes it on, and what became of it."""

    parts: Iterator[bytes]
    received: int = 0
    """Bytes of the body."""
    receptions: int = 0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    async def receive(self) -> Message:
        self.receptions += 1
        part = next(self.parts, b"")
        self.received += len(part)
        return {"type": "http.request", "body": part, "more_body": bool(part)}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        self.content += message.get("body", b"")

    @property
    def code(self) -> str:
        """Of the problem document; the answer must be one."""
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.content)
        assert found["status"] == self.status
        return str(found["code"])


async def post(
    app: FastAPI, path: str, parts: Iterable[bytes], token: str | None = None, length: int | None = None
) -> Exchange:
    headers = [(b"host", b"test"), (b"content-type", b"application/json")]
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("test", 80),
    }  # fmt: skip
    exchange = Exchange(iter(parts))
    await app(scope, exchange.receive, exchange.send)
    return exchange


@pytest.fixture(params=["declared", "chunked"])
def length(request: pytest.FixtureRequest) -> int | None:
    """What a request with a huge body says of its length."""
    return HUGE * len(PART) if request.param == "declared" else None


@pytest.mark.parametrize("path", GUARDED)
async def test_without_a_token_nothing_of_the_body_is_received(app: FastAPI, path: str, length: int | None) -> None:
    answer = await post(app, path, repeat(PART, HUGE), length=length)
    assert (answer.status, answer.code, answer.headers["www-authenticate"]) == (401, "unauthorized", "Bearer")
    assert (answer.receptions, answer.received) == (0, 0)


@pytest.mark.parametrize("path", GUARDED)
async def test_with_a_false_token_nothing_of_the_body_is_received(app: FastAPI, path: str) -> None:
    answer = await post(app, path, repeat(PART, HUGE), "false")
    assert (answer.status, answer.code, answer.receptions) == (401, "unauthorized", 0)


@pytest.mark.parametrize("path", GUARDED)
async def test_with_a_wrong_role_nothing_of_the_body_is_received(
    app: FastAPI, path: str, key: RSAKey, length: int | None
) -> None:
    answer = await post(app, path, repeat(PART, HUGE), sign(key, roles=["polyclinic"]), length)
    assert (answer.status, answer.code, answer.receptions) == (403, "forbidden", 0)


async def test_a_role_without_its_organization_is_refused_before_the_body_comes(app: FastAPI, key: RSAKey) -> None:
    answer = await post(app, "/checked", repeat(PART, HUGE), sign(key, org=...))
    assert (answer.status, answer.code, answer.receptions) == (403, "forbidden", 0)
    assert (await post(app, "/checked", [b'{"name": "a"}'], sign(key))).status == 200


@pytest.mark.parametrize("path", GUARDED[:3])
async def test_a_body_that_is_no_json_is_no_matter_without_a_token(app: FastAPI, path: str, key: RSAKey) -> None:
    assert (await post(app, path, [b"{"])).status == 401
    assert (await post(app, path, [b"{"], sign(key))).status == 422


async def test_the_right_role_is_let_in(app: FastAPI, key: RSAKey) -> None:
    answers = [await post(app, path, [b'{"name":', b' "a"}'], sign(key)) for path in GUARDED]
    assert [one.status for one in answers] == [200] * 4
    assert [json.loads(one.content) for one in answers] == ["c1", "a bed in a room of c1", None, 13]


@pytest.mark.parametrize("path", GUARDED)
async def test_a_body_that_is_too_large_is_a_problem_and_not_received_to_its_end(
    app: FastAPI, path: str, key: RSAKey, length: int | None
) -> None:
    answer = await post(app, path, repeat(PART, HUGE), sign(key), length)
    assert (answer.status, answer.code) == (413, "too_large")
    assert answer.received <= (2 * BODY if path == "/stream" else BODY) + len(PART)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Content-Type": "application/json"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


async def _in_parts(content: bytes) -> AsyncIterator[bytes]:
    """As a client sends that does not say the length."""
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


async def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(client: httpx2.AsyncClient) -> None:
    body = b'{"name": "a", "count": 1}'
    for larger in (body.ljust(BODY + 1), _in_parts(body.ljust(BODY + 1))):
        answer = await client.post("/open", content=larger)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    for largest in (body.ljust(BODY), _in_parts(body.ljust(BODY))):
        assert (await client.post("/open", content=largest)).status_code == 200


async def test_a_route_for_more_takes_more_and_no_more_than_that(client: httpx2.AsyncClient, key: RSAKey) -> None:
    headers = {"Authorization": f"Bearer {sign(key)}"}
    for content in (bytes(BODY * 2), _in_parts(bytes(BODY * 2))):
        assert (await client.post("/stream", content=content, headers=headers)).json() == BODY * 2
    for content in (bytes(BODY * 2 + 1), _in_parts(bytes(BODY * 2 + 1))):
        assert (await client.post("/stream", content=content, headers=headers)).json()["code"] == "too_large"
