"""Many feeds, feeds that nobody reads, feeds that outlive their token: they cost little, are bounded, and end."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

import httpx2
import psutil
import pytest

from services.local.issuer import issue_token
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

PER_TOKEN, PER_ORGANIZATION = 10, 50


FEED, CHANGES = "/v1/capacity/feed", "/v1/changes"


def feed(
    country: RunningNetwork, token: str, last: str = "", buffer: int | None = None, path: str = FEED
) -> socket.socket:
    """A feed on a socket of its own, of which nothing is read yet."""
    service = "capacity" if path == FEED else "referral"
    host, _, port = country.url(service).removeprefix("http://").partition(":")
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(20)
    connection.connect((host, int(port)))
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    connection.sendall((head + (f"Last-Event-ID: {last}\r\n" if last else "") + "\r\n").encode())
    return connection


def status(connection: socket.socket) -> tuple[int, str]:
    """Status and head of the answer."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(200)
        if not part:
            break
        head += part
    return int(head.split(b" ")[1]), head.decode()


@contextmanager
def many(country: RunningNetwork, tokens: list[str], path: str = FEED) -> Iterator[list[tuple[int, str]]]:
    with ExitStack() as stack:
        yield [status(stack.enter_context(feed(country, token, path=path))) for token in tokens]


async def room(country: RunningNetwork, token: str, path: str = FEED) -> None:
    """Until this token may open a feed again: those before have been noticed to be gone."""

    def opens() -> bool:
        with feed(country, token, path=path) as connection:
            return status(connection)[0] == 200

    await eventually(lambda: asyncio.to_thread(opens), "there is room", within=20)


@pytest.mark.parametrize(("role", "path"), [("operator", FEED), ("console", CHANGES)])
async def test_a_token_has_so_many_feeds_and_no_more(country: RunningNetwork, role: str, path: str) -> None:
    token = issue_token(country.home, [role], subject="attacker")
    another = issue_token(country.home, [role], subject="attacker", lifetime=3000)
    with many(country, [token] * 40 + [another] * 5, path) as answers:
        codes = [code for code, _ in answers]
        assert codes == [200] * PER_TOKEN + [429] * 35
        assert "retry-after: " in answers[-1][1].lower()
        with feed(country, issue_token(country.home, [role]), path=path) as other:
            assert status(other)[0] == 200, "others are not affected"
    await room(country, token, path)


async def test_an_organization_has_so_many_feeds_whoever_holds_the_tokens(country: RunningNetwork) -> None:
    tokens = [issue_token(country.home, ["polyclinic"], "p-many", subject=f"person-{n // 8}") for n in range(80)]
    with many(country, tokens) as answers:
        assert [code for code, _ in answers].count(200) == PER_ORGANIZATION
        assert {code for code, _ in answers[PER_ORGANIZATION:]} == {429}
    await room(country, tokens[0])


async def test_a_feed_ends_at_its_token_s_end(country: RunningNetwork) -> None:
    end = time.time() + 3  # a token's seconds are whole ones
    token = issue_token(country.home, ["operator"], subject="short", lifetime=4)
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(sock=feed(country, token))
        text = await reader.readuntil(b"event: token_ended")
        assert text.startswith(b"HTTP/1.1 200")
        assert time.time() > end, "not before it"
        writer.close()


@asynccontextmanager
async def worker(country: RunningNetwork) -> AsyncIterator[httpx2.AsyncClient]:
    headers = country.headers("referral-worker") | {"Content-Type": "application/json"}
    async with httpx2.AsyncClient(base_url=country.inside("capacity"), headers=headers, timeout=60) as client:
        yield client


async def steps(country: RunningNetwork, count: int) -> str:
    """Make `count` steps and more, and undo them; the id of the last step before."""
    headers = country.headers("operator")
    async with httpx2.AsyncClient(base_url=country.url("capacity"), headers=headers) as operator:
        page = (await operator.get("/v1/capacity", params={"free": 1})).json()
    programme = max(page["items"], key=lambda one: one["free"])["programme_id"]
    async with worker(country) as client:
        for _ in range(count // 1000):
            claims: list[dict[str, Any]] = [
                {"referral_id": str(uuid4()), "attempt": 1, "rank": 1, "candidates": [[programme]],
                 "at": "2026-03-02T09:00:00Z"}
                for _ in range(500)
            ]  # fmt: skip
            changes = [{"referral_id": one["referral_id"], "attempt": 1} for one in claims]
            for path, body in (("batch", {"claims": claims}), ("release", {"changes": changes})):
                answer = await client.post(f"/v1/claims/{path}", content=json.dumps(body))
                assert answer.status_code == 200, answer.text
    return str(page["last_event_id"])


@pytest.mark.timeout(240)
async def test_feeds_that_nobody_reads_cost_little_and_are_closed(country: RunningNetwork) -> None:
    """Each has everything replayed that is kept, and takes none of it."""
    last = await steps(country, 5_000)  # with hand-overs fewer than are kept
    process = psutil.Process(country.pid("capacity"))
    before = process.memory_info().rss
    with ExitStack() as stack:
        open_feeds = []
        for n in range(40):
            token = issue_token(country.home, ["operator"], subject=f"silent-{n // 10}")
            open_feeds.append(stack.enter_context(feed(country, token, last, buffer=4096)))
        await asyncio.sleep(5)
        used = sum(process.cpu_times()[:2])
        await asyncio.sleep(5)
        assert sum(process.cpu_times()[:2]) - used < 1.5, "seconds of the processor in five"
        assert process.memory_info().rss - before < 60_000_000
        port = int(country.url("capacity").rsplit(":", 1)[1])

        def held() -> int:
            """The server's ends of the feeds that are still there."""
            ours = {one.getsockname()[1] for one in open_feeds}
            found = process.net_connections("tcp")
            return sum(bool(one.raddr) and one.laddr.port == port and one.raddr.port in ours for one in found)

        async def all_closed() -> bool:
            return held() == 0

        assert held() == 40
        await eventually(all_closed, "the server has closed them", within=120)


async def test_who_comes_back_from_before_what_is_kept_loads_again_and_is_sent_nothing_old(
    country: RunningNetwork,
) -> None:
    last = await steps(country, 11_000)
    token = country.token("operator")
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(sock=feed(country, token, last))
        text = await reader.readuntil(b": beat")
        writer.close()
    assert b"event: reset" in text
    assert b"place.held" not in text
