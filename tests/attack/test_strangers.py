"""Strangers: what the public ports have, and bodies without a token, on every path of every service."""

import asyncio
import re
import socket
from uuid import UUID

import httpx2
import psutil
import pytest

from services.local.plan import APIS
from services.local.ports import LOOPBACK
from tests.support.network import RunningNetwork

INSIDE_ONLY = ("/readyz", "/metrics", "/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect")
MEBIBYTE = 1024 * 1024
FOR_ANYBODY = ("/v1/public/capacity", "/v1/family")
"""Where no token is asked for: a body has its bound in bytes and in time there, as everywhere."""
TOKENS = {"none": "", "garbage": "Authorization: Bearer e30.e30.e30\r\n", "empty": "Authorization: Bearer \r\n"}


async def documented(country: RunningNetwork, api: str) -> dict[str, list[str]]:
    """The methods by path (with any id) of all routes of `api`, those for services too."""
    async with httpx2.AsyncClient(base_url=country.inside(api)) as http:
        paths = (await http.get("/openapi.json")).json()["paths"]
    return {re.sub(r"\{[^}]*\}", str(UUID(int=7)), path): list(methods) for path, methods in paths.items()}


async def first_line(
    port: int, method: str, path: str, headers: str = "", sent: bytes = b"", seconds: float = 2
) -> str:
    """The status line of the answer to a request that declares 100 MB and sends little or nothing of them."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n"
    writer.write(f"{head}{headers}\r\n".encode() + sent)
    try:
        async with asyncio.timeout(seconds):
            return (await reader.readline()).decode().strip()
    finally:
        writer.close()


@pytest.mark.parametrize("api", APIS)
async def test_a_stranger_is_answered_before_any_of_the_body_on_every_path(country: RunningNetwork, api: str) -> None:
    routes = await documented(country, api)
    assert len(routes) > 5
    wrong_role = f"Authorization: Bearer {country.token('nobody')}\r\n"
    for port in (country.plan.ports[api], country.plan.inside_port(api)):
        for path, methods in routes.items():
            for method in methods if path not in FOR_ANYBODY else ():
                for name, header in (TOKENS | {"wrong role": wrong_role}).items():
                    line = await first_line(port, method.upper(), path, header)
                    assert re.match(r"HTTP/1.1 (401|403|404|405|429) ", line), (api, method, path, name, line)
        for path in ("/", "/v1/nowhere", "/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "//", "/v1"):
            line = await first_line(port, "POST", path, "")
            assert re.match(r"HTTP/1.1 (404|405) ", line), (api, path, line)


async def test_where_no_token_is_asked_for_a_body_is_small_and_has_its_time(country: RunningNetwork) -> None:
    for port in (country.plan.ports["intake"], country.plan.inside_port("intake")):
        told = await first_line(port, "POST", "/v1/family", sent=b'{"code": "' + b"x" * 4096, seconds=5)
        assert told == "HTTP/1.1 413 Request Entity Too Large"
        assert await first_line(port, "POST", "/v1/family", seconds=30) == "HTTP/1.1 408 Request Timeout"
    for port in (country.plan.ports["capacity"], country.plan.inside_port("capacity")):
        assert await first_line(port, "GET", "/v1/public/capacity") == "HTTP/1.1 200 OK", "it has no body to wait for"


@pytest.mark.parametrize("api", APIS)
async def test_a_public_port_has_no_route_for_services_no_documentation_no_probe_but_liveness(
    country: RunningNetwork, api: str
) -> None:
    headers = country.headers("referral-worker")
    async with httpx2.AsyncClient(base_url=country.url(api), headers=headers) as http:
        for path in (*INSIDE_ONLY, "/v1/claims", "/v1/rebuild"):
            assert (await http.get(path)).status_code == 404, path
        assert (await http.put("/v1/programmes/a", json={})).status_code == 404
        assert (await http.post("/v1/claims/batch", json={})).status_code == 404
        assert (await http.get("/livez")).text == "live\n"


@pytest.mark.parametrize(("api", "path"), [("capacity", "/v1/claims/batch"), ("intake", "/v1/diagnoses/bulk")])
@pytest.mark.parametrize("declared", [True, False])
async def test_100_megabytes_of_a_stranger_cost_no_memory_and_no_time(
    country: RunningNetwork, api: str, path: str, declared: bool
) -> None:
    process = psutil.Process(country.pid(api))
    before = process.memory_info().rss
    flood = asyncio.create_task(
        asyncio.to_thread(flood_of_100_megabytes, country.plan.inside_port(api), path, declared)
    )
    async with httpx2.AsyncClient(base_url=country.url(api)) as http:
        while not flood.done():
            async with asyncio.timeout(1):
                assert (await http.get("/livez")).status_code == 200
            assert process.memory_info().rss < before + 30 * MEBIBYTE
    await flood


def flood_of_100_megabytes(port: int, path: str, declared: bool) -> None:
    length = "Content-Length: 104857600" if declared else "Transfer-Encoding: chunked"
    part = bytes(65_536)
    with socket.create_connection((LOOPBACK, port), 5) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode())
        try:
            for _ in range(1600):
                connection.sendall(part if declared else b"10000\r\n" + part + b"\r\n")
        except OSError:
            pass  # the connection was closed: that is what it should do


@pytest.mark.parametrize("api", APIS)
async def test_every_path_bounds_the_body_of_those_whom_it_lets_in(country: RunningNetwork, api: str) -> None:
    body = b'{"a": "' + bytes(17 * MEBIBYTE) + b'"}'
    async with httpx2.AsyncClient(base_url=country.inside(api), headers={"Content-Type": "application/json"}) as http:
        paths = (await http.get("/openapi.json")).json()["paths"]
        bodies = [
            (method, re.sub(r"\{[^}]*\}", str(UUID(int=7)), path))
            for path, methods in paths.items()
            for method, described in methods.items()
            if "application/json" in described.get("requestBody", {}).get("content", {})
        ]
        assert bodies
        for method, path in bodies:
            for role in ("operator", "polyclinic", "center", "referral-worker", "intake-api", "capacity-api"):
                headers = country.headers(role, "org")
                if (await http.request(method, path, content=b"{", headers=headers)).status_code == 403:
                    continue
                answer = await http.request(method, path, content=body, headers=headers)
                assert answer.status_code == 413, (method, path, role, answer.text)
                break
            else:
                pytest.fail(f"nobody is let in to {method} {path}")
