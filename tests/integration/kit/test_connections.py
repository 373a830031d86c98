"""Connections within bounds, on a real port: sizes and counts of headers, times, numbers; and well-formed refusals."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_network

import pytest

from services.kit.http.server import STOOD_STILL
from services.local.ports import LOOPBACK
from tests.integration.kit.bounded_server import BOUNDS, HEAD, ask, read_answer, serving
from tests.support.eventually import eventually


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(BOUNDS) as (port, _):
        yield port


async def refused(port: int, *parts: bytes) -> tuple[int, str]:
    """Status and code of the refusal, after which the connection ends."""
    status, headers, body = await ask(port, *parts)
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in headers
    assert headers["connection"] == "close"
    assert json.loads(body)["status"] == status
    return status, json.loads(body)["code"]


async def test_a_request_is_answered(port: int) -> None:
    status, _, body = await ask(port, HEAD + b"Content-Length: 3\r\n\r\nabc")
    assert (status, json.loads(body)["length"]) == (200, 3)


@pytest.mark.parametrize(
    ("first", "statuses"),
    [
        (b"", []), (b"\r\n", [408]), (b"POST", [408]), (HEAD, [408]), (HEAD + b"A", [408]),
        (HEAD + b"Content-Length: 3\r\n\r\n", [408]), (HEAD + b"Content-Length: 3\r\n\r\na", [408]),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", [408]),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", [408]),
        (b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n", [401]),
        (HEAD + b"Content-Length: 0\r\n\r\nPOST", [200, 408]),
    ],
)  # fmt: skip
async def test_silence_is_not_waited_for(port: int, first: bytes, statuses: list[int]) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(first)
    async with asyncio.timeout(20):
        told = await reader.read()  # to the end, which without bounds does not come
    writer.close()
    assert [int(one) for one in re.findall(rb"HTTP/1.1 (\d{3}) ", told)] == statuses


async def test_a_half_request_is_answered_408(port: int) -> None:
    assert await refused(port, HEAD) == (408, "too_slow")
    assert await refused(port, HEAD + b"Content-Length: 3\r\n\r\na") == (408, "too_slow")


async def dripped(port: int, parts: list[bytes], pause: float) -> tuple[int, dict[str, str], bytes]:
    """The answer to `parts` with pauses between them, which end when it comes."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    answer = asyncio.create_task(read_answer(reader))
    for part in parts:
        writer.write(part)
        await asyncio.wait([answer], timeout=pause)
        if answer.done():
            break
    writer.close()
    return await answer


async def test_a_machine_that_stood_still_does_not_blame_its_clients(port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(HEAD + b"Content-Length: 3\r\n\r\na")
    await asyncio.sleep(0.2)
    _stand_still(STOOD_STILL + 0.5)
    await asyncio.sleep(0.15)  # a look at the connections
    writer.write(b"bc")
    status, _, _ = await read_answer(reader)
    writer.close()
    assert status == 200


def _stand_still(seconds: float) -> None:
    """The client and the server alike: they share a thread."""
    time.sleep(seconds)


async def test_a_dripping_head_ends_all_the_same(port: int) -> None:
    status, headers, _ = await dripped(port, [b"POST /sum HTTP/1.1\r\n", *[b"A: b\r\n"] * 30], 0.1)
    assert (status, headers["connection"]) == (408, "close")


async def test_a_dripping_body_ends_unless_its_route_allows_it(port: int) -> None:
    length, *parts = [b"Content-Length: 20\r\n\r\n", *[b"ab"] * 9, b"a"]
    assert (await dripped(port, [HEAD + length, *parts], 0.3))[0] == 408
    slow = HEAD.replace(b"/sum", b"/slow") + length
    assert json.loads((await dripped(port, [slow, *parts, b"a"], 0.3))[2])["length"] == 20


async def test_who_waits_for_us_is_not_cut(port: int) -> None:
    """More than the server's buffer, while the application does not receive."""
    body = bytes(300_000)
    status, _, content = await ask(port, HEAD.replace(b"/sum", b"/waits") + b"Content-Length: 300000\r\n\r\n", body)
    assert (status, json.loads(content)["length"]) == (200, 300_000)


@pytest.mark.parametrize(
    "rest",
    [
        b"A: " + b"a" * 9000 + b"\r\n\r\n",
        b"".join(b"A%d: b\r\n" % number for number in range(30)) + b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 9000 + b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: " + b"a" * 9000 + b"\r\n\r\n",
    ],
    ids=["one", "many", "extension of a chunk", "trailer"],
)
async def test_headers_are_bounded(port: int, rest: bytes) -> None:
    parts = [rest[start : start + 1000] for start in range(0, len(rest), 1000)]
    assert (await dripped(port, [HEAD, *parts, b""], 0.005))[0] == 431


async def test_headers_are_bounded_in_one_piece_too(port: int) -> None:
    for rest in (b"A: " + b"a" * 9000, b"\r\n".join(b"A%d: b" % number for number in range(30))):
        assert await refused(port, HEAD + rest + b"\r\n\r\n") == (431, "headers_too_large")


async def test_a_long_line_of_the_request_is_refused(port: int) -> None:
    assert await refused(port, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n") == (431, "headers_too_large")


async def test_a_body_in_chunks_of_one_byte_is_taken(port: int) -> None:
    chunks = b"1\r\na\r\n" * 5000 + b"0\r\n\r\n"
    status, _, body = await ask(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunks)
    assert (status, json.loads(body)["length"]) == (200, 5000)


async def test_many_requests_one_after_the_other_are_each_answered(port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    for _ in range(30):
        writer.write(HEAD + b"A: " + b"a" * 3000 + b"\r\nContent-Length: 1\r\n\r\na")
        assert (await read_answer(reader))[0] == 200
    writer.write((HEAD + b"Content-Length: 1\r\n\r\na") * 10)
    for _ in range(10):
        assert (await read_answer(reader))[0] == 200
    writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost x\r\n\r\n", b"CONNECT x:80 HTTP/1.1\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n", HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nz\r\n", HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HEAD + b"A: b\r\n c\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_is_no_http_is_refused_in_well_formed_http(port: int, request_bytes: bytes) -> None:
    status, code = await refused(port, request_bytes)
    assert (status, code) == (400, "malformed_request")


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c", b"TLS/1.0"])
async def test_a_wish_for_another_protocol_is_answered_in_this_one(port: int, upgrade: bytes) -> None:
    wish = b"GET /sum HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n" % upgrade
    status, headers, _ = await ask(port, wish)
    assert (status, headers["connection"]) == (200, "close")


async def test_a_refused_body_is_dropped_within_bounds_and_the_connection_goes_on_after_a_small_one(port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    head = b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % 10)
    assert (await read_answer(reader))[0] == 401
    writer.write(bytes(10) + HEAD + b"Content-Length: 1\r\n\r\na")
    assert (await read_answer(reader))[0] == 200
    writer.write(head % 1_000_000_000)
    assert (await read_answer(reader))[0] == 401
    with pytest.raises(ConnectionError):
        await flood(writer, 30_000_000)  # more than the kernel and the client's own buffers hold


async def flood(writer: asyncio.StreamWriter, size: int) -> None:
    async with asyncio.timeout(10):
        for _ in range(size // 100_000):
            writer.write(bytes(100_000))
            await writer.drain()


async def test_who_reads_nothing_of_an_answer_is_cut() -> None:
    async with serving(BOUNDS) as (port, server):
        reader, writer = await asyncio.open_connection(LOOPBACK, port, limit=1)
        writer.write(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        connections = server.server_state.connections
        await eventually(lambda: len(connections) == 1, "it is connected", within=5)
        await eventually(lambda: not connections, "it is cut", within=5)
        assert not connections
        async with asyncio.timeout(5):  # the socket is closed, too
            with suppress(ConnectionResetError):
                while await reader.read(1_000_000):
                    pass
        writer.close()


async def test_connections_are_bounded_per_address_and_free_again_when_they_end(port: int) -> None:
    held = [await asyncio.open_connection(LOOPBACK, port) for _ in range(8)]
    assert await refused(port) == (503, "too_many_connections")
    for _, writer in held[:2]:
        writer.close()
    await asyncio.sleep(0.1)
    assert (await ask(port, HEAD + b"Content-Length: 0\r\n\r\n"))[0] == 200
    for _, writer in held:
        writer.close()


async def test_connections_are_bounded_in_all_also_of_a_proxy() -> None:
    async with serving(replace(BOUNDS, uncounted=(ip_network("127.0.0.0/8"),))) as (port, _):
        held = [await asyncio.open_connection(LOOPBACK, port) for _ in range(12)]
        assert await refused(port) == (503, "too_many_connections")
        for _, writer in held:
            writer.close()


@pytest.mark.parametrize(("proxies", "seen"), [("", LOOPBACK), ("127.0.0.0/8", "9.9.9.9"), ("10.0.0.1", LOOPBACK)])
async def test_who_forwards_a_request_is_believed_of_proxies_only(proxies: str, seen: str) -> None:
    async with serving(BOUNDS, proxies) as (port, _):
        _, _, body = await ask(port, HEAD + b"X-Forwarded-For: 1.1.1.1, 9.9.9.9\r\nContent-Length: 0\r\n\r\n")
    assert json.loads(body)["client"] == seen
