"""A process's own token: from a file, or by client credentials, renewed before its end."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from services.kit.errors import TransientError
from services.kit.http.service_token import ClientCredentials, TokenFile, service_token
from services.kit.settings import Mode, ServiceSettings


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    token = TokenFile(file)
    assert await token.header() == {"Authorization": "Bearer one"}
    file.write_text("two\n")
    os.utime(file, ns=(1, 1))
    assert await token.header() == {"Authorization": "Bearer two"}
    assert await TokenFile(None).header() == {}


@dataclass
class TokenEndpoint:
    """Gives a token that lasts 100 seconds to each request; `status` is what it answers with."""

    status: int = 200
    url: str = ""
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    """Authorization and form of each request."""
    now: float = 1000.0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        form = (await reader.readexactly(int(headers["content-length"]))).decode()
        self.asked.append((headers["authorization"], parse_qs(form)))
        body = f'{{"access_token": "t{len(self.asked)}", "token_type": "Bearer", "expires_in": 100}}'
        writer.write(
            f"HTTP/1.1 {self.status} -\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()
        )
        await writer.drain()
        writer.close()

    def token(self, secret: Path, client_id: str = "referral-worker") -> ClientCredentials:
        settings = ServiceSettings(
            mode=Mode.LOCAL, kafka_servers="unused", token_url=self.url, client_id=client_id, client_secret_file=secret,
            token_resource="joldama",
        )  # fmt: skip
        assert isinstance(service_token(settings), ClientCredentials)
        return ClientCredentials(settings, clock=lambda: self.now)


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    endpoint = TokenEndpoint()
    server = await asyncio.start_server(endpoint.answer, "127.0.0.1", 0)
    async with server:
        endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
        yield endpoint


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (file := tmp_path / "client-secret").write_text("s3:cret+/\n")
    return file


async def test_one_request_serves_all_who_wait_and_says_who_asks(endpoint: TokenEndpoint, secret: Path) -> None:
    token = endpoint.token(secret)
    headers = await asyncio.gather(*(token.header() for _ in range(5)))
    assert headers == [{"Authorization": "Bearer t1"}] * 5
    [(authorization, form)] = endpoint.asked
    expected = base64.b64encode(b"referral-worker:s3%3Acret%2B%2F").decode().lower()
    assert authorization == f"basic {expected}"
    assert form == {"grant_type": ["client_credentials"], "resource": ["joldama"]}


async def test_a_token_is_renewed_before_its_end_and_used_until_then_while_the_issuer_is_away(
    endpoint: TokenEndpoint, secret: Path
) -> None:
    token = endpoint.token(secret)
    await token.header()
    endpoint.now += 76
    assert await token.header() == {"Authorization": "Bearer t2"}
    endpoint.status = 500
    endpoint.now += 76
    for _ in range(3):
        assert await token.header() == {"Authorization": "Bearer t2"}
    assert len(endpoint.asked) == 3, "it asks again after a while"
    endpoint.now += 25
    with pytest.raises(TransientError):
        await token.header()
    endpoint.status = 200
    assert await token.header() == {"Authorization": "Bearer t5"}


async def test_a_token_that_is_refused_is_renewed_and_not_for_each_refusal(
    endpoint: TokenEndpoint, secret: Path
) -> None:
    token = endpoint.token(secret)
    await token.header()
    endpoint.now += 20
    token.answered(403)
    assert await token.header() == {"Authorization": "Bearer t1"}
    for _ in range(3):
        token.answered(401)
        assert await token.header() == {"Authorization": "Bearer t2"}
    endpoint.now += 5
    assert await token.header() == {"Authorization": "Bearer t3"}


async def test_a_missing_secret_is_a_fault_that_passes(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    with pytest.raises(TransientError):
        await endpoint.token(tmp_path / "none").header()
