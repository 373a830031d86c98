"""HTTP itself: connections that say nothing or half of it, endless headers, what is no HTTP, and lies about hosts."""

import asyncio
import json
import re
import socket
from collections.abc import Iterator

import httpx2
import psutil
import pytest

from services.cli.up import demo
from services.contracts.reference import read_programmes
from services.contracts.vocabulary import Role
from services.kit.settings import CHECKOUT
from services.local.plan import APIS
from services.local.ports import LOOPBACK
from tests.attack.test_strangers import MEBIBYTE, documented
from tests.bench.network import submissions
from tests.support.network import RunningNetwork

HALVES = {
    "silent": b"",
    "half a head": b"POST /v1/diagnoses HTTP/1.1\r\nHost: x\r\nAuth",
    "half a body": b"POST /v1/diagnoses HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
}


def opened(port: int, first: bytes, count: int) -> list[socket.socket]:
    found = [socket.create_connection((LOOPBACK, port), 5) for _ in range(count)]
    for one in found:
        one.sendall(first)
        one.setblocking(False)
    return found


def ended(connection: socket.socket) -> bool:
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    connection.close()
    return True


@pytest.mark.parametrize("api", APIS)
async def test_200_connections_that_say_nothing_or_half_are_ended_while_others_are_served(
    country: RunningNetwork, api: str
) -> None:
    head = HALVES["half a body"].replace(b"Host: x", b"Host: x\r\nAuthorization: Bearer %s")
    with_token = head % country.token("polyclinic", "p").encode()
    for port in (country.plan.ports[api], country.plan.inside_port(api)):
        held = [one for first in (*HALVES.values(), with_token) for one in opened(port, first, 50)]
        async with httpx2.AsyncClient(base_url=f"http://{LOOPBACK}:{port}") as http:
            for _ in range(14):
                assert (await http.get("/livez")).status_code == 200
                await asyncio.sleep(1)
                if not (held := [one for one in held if not ended(one)]):
                    break
        assert not held


@pytest.mark.parametrize("api", APIS)
def test_30_megabytes_of_headers_cost_no_memory(country: RunningNetwork, api: str) -> None:
    process = psutil.Process(country.pid(api))
    for port in (country.plan.ports[api], country.plan.inside_port(api)):
        for lines in (_long_lines(), _many_lines(), iter([b"X: "] + [bytes(b"a" * 65_536)] * 480)):
            before = process.memory_info().rss
            with pytest.raises(OSError, match=r"reset|pipe"):
                _send(port, lines)
            assert process.memory_info().rss < before + 5 * MEBIBYTE


def _send(port: int, lines: Iterator[bytes]) -> None:
    with socket.create_connection((LOOPBACK, port), 5) as connection:
        connection.sendall(b"GET /v1/nowhere HTTP/1.1\r\nHost: x\r\n")
        for line in lines:
            connection.sendall(line)


def _long_lines() -> Iterator[bytes]:
    return (b"X-%d: " % number + b"a" * 60_000 + b"\r\n" for number in range(500))


def _many_lines() -> Iterator[bytes]:
    return (b"".join(b"X-%d: a\r\n" % number for number in range(5_000)) for _ in range(600))


async def test_a_slow_upload_in_bulk_with_a_token_is_taken(country: RunningNetwork) -> None:
    """Pauses longer than any other body may make."""
    lines = submissions(3, seed=4711)
    reader, writer = await asyncio.open_connection(LOOPBACK, country.plan.ports["intake"])
    body = b"\n".join(lines)
    writer.write(
        b"POST /v1/diagnoses/bulk HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
        % (country.token("polyclinic", "p").encode(), len(body))
    )
    for start in range(0, len(body), len(body) // 2):
        writer.write(body[start : start + len(body) // 2])
        await asyncio.sleep(13)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b'"referral_id"') == 3


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "wrong",
    [b"GET\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
     b"POST /v1 HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http_is_refused_by_a_problem_document(country: RunningNetwork, api: str, wrong: bytes) -> None:
    with socket.create_connection((LOOPBACK, country.plan.ports[api]), 5) as connection:
        connection.sendall(wrong)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"x-content-type-options: nosniff" in head
    assert json.loads(body)["code"] == "malformed_request"


@pytest.mark.parametrize("api", APIS)
async def test_no_answer_names_a_host_that_the_caller_named(country: RunningNetwork, api: str) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    paths = [*await documented(country, api), "/docs", "/redoc", "/openapi.json", "/static-offline-docs", "/livez", "/"]
    for base in (country.url(api), country.inside(api)):
        async with httpx2.AsyncClient(base_url=base, headers=country.headers("operator") | evil) as http:
            for path in paths:
                if path.endswith("/feed"):
                    continue
                for form in (path, f"{path}/", f"{path}//", f"//evil.example{path}", f"{path}/%2e%2e/"):
                    answer = await http.get(f"{base}{form}")
                    assert not 300 <= answer.status_code < 400, form
                    assert "location" not in answer.headers
                    assert "evil.example" not in re.sub("//evil.example", "", answer.text)


async def test_every_answer_has_the_security_headers(country: RunningNetwork) -> None:
    for api in APIS:
        for base in (country.url(api), country.inside(api)):
            async with httpx2.AsyncClient(base_url=base) as http:
                for path in ("/livez", "/v1/nowhere", "/", "/v1/referrals", "/v1/diagnoses", "/readyz", "/docs"):
                    answer = await http.get(path)
                    assert answer.headers["x-content-type-options"] == "nosniff", path
                    assert "default-src 'self'" in answer.headers["content-security-policy"]
                    assert answer.headers["cache-control"] == "no-store"


async def test_openapi_tells_the_refusals_that_any_route_may_give(country: RunningNetwork) -> None:
    for api in APIS:
        async with httpx2.AsyncClient(base_url=country.inside(api)) as http:
            paths = (await http.get("/openapi.json")).json()["paths"]
        for path, methods in paths.items():
            for method, described in methods.items():
                for status in ("401", "403", "413", "415", "429", "503"):
                    content = described["responses"][status]["content"]
                    assert "application/problem+json" in content, (api, method, path, status)


def test_the_network_still_works_after_all_this(country: RunningNetwork) -> None:
    with demo.api(country.plan, "capacity", Role.OPERATOR) as capacity:
        known = {one["programme_id"] for one in capacity.pages("/v1/capacity") if one["confirmed_at"]}
    assert read_programmes(CHECKOUT / "data").keys() - known == set()
