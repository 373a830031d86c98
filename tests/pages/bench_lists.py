"""What a long list costs: the console's pages by many clients at once, and the same list asked at the API."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from statistics import quantiles

import httpx2

from services.cli.token import LOCAL_POLYCLINIC
from services.cli.up import demo
from tests.bench.load import load
from tests.pages.budget import Row, cpu
from tests.pages.scene import Scene
from tests.pages.test_words import TOKEN
from tests.support.servers import wait_until

LISTED, CLIENTS, REQUESTS, MS = 5_000, 32, 1_280, 50
"""Open referrals, clients that each wait for their answer, requests of one figure, and the p99 that a page may take."""
A_PAGE = 25
BETWEEN = 1.0
"""Seconds from one page to the next of somebody who turns them in haste."""
PARTS = ("console", "referral", "intake")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose list it is, the page that shows it, and the list at the API."""

    role: str
    organization: str
    path: str
    listed: str = "/v1/referrals"


READERS = (
    Reader("operator", "", "/children"),
    Reader("operator", "", "/escalated", "/v1/worklists/escalated"),
    Reader("polyclinic", LOCAL_POLYCLINIC, "/referrals"),
)


async def lists(scene: Scene) -> list[Row]:
    """Of each list its first page and one in its middle, by clients without and with a pause; then the API's list."""
    await asyncio.to_thread(_fill, scene)
    return [row for reader in READERS async for row in _of(scene, reader)]


def _fill(scene: Scene) -> None:
    known = sum(_counts(scene).values())
    recorded = demo.submit_children(scene.network.plan, LISTED)

    def routed() -> bool:
        counts = _counts(scene)
        # one that was submitted just before may not have been counted as known
        return not counts["submitted"] and sum(counts.values()) >= known + recorded

    wait_until(routed, f"{recorded} children are routed", seconds=240)


def _counts(scene: Scene) -> dict[str, int]:
    found = scene.ask("referral", "GET", "/v1/referrals/counts", "operator")
    return {one["state"]: one["count"] for one in found}


async def _of(scene: Scene, reader: Reader) -> AsyncIterator[Row]:
    session, token = await _session(scene, reader), scene.network.headers(reader.role, reader.organization)
    name, cursor = f"{reader.role} {reader.path}", await asyncio.to_thread(_middle, scene, reader)
    asked = {"": (reader.path, 0.0), ", unhurried": (reader.path, BETWEEN)}
    if cursor:
        asked[", in the middle"] = f"{reader.path}?cursor={cursor}", 0.0
    for how, (path, every) in asked.items():
        yield await _row(scene, "console", name + how, path, session, every)
    yield await _row(scene, "referral", f"{reader.role}, the API's list", f"{reader.listed}?limit={A_PAGE}", token)


def _middle(scene: Scene, reader: Reader) -> str:
    """The cursor of the page after half of the list; empty for a short one."""
    cursor: str | None = ""
    for _ in range(LISTED // 2 // 500):
        path = f"{reader.listed}?limit=500" + (f"&cursor={cursor}" if cursor else "")
        cursor = scene.ask("referral", "GET", path, reader.role, reader.organization)["next"]
        if cursor is None:
            return ""
    return cursor or ""


async def _session(scene: Scene, reader: Reader) -> dict[str, str]:
    """The cookies of somebody who is signed in, and has the styles."""
    async with httpx2.AsyncClient(base_url=scene.console, timeout=60) as client:
        await sign_in(client, f"{reader.role}/{reader.organization}")
        return {"Cookie": "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)}


async def sign_in(client: httpx2.AsyncClient, who: str) -> None:
    found = TOKEN.search((await client.get("/sign-in")).text)
    assert found, "the sign-in page has a form"
    await client.post("/sign-in", data={"who": who, "back": "/", "form_token": found[1]})


async def _row(scene: Scene, part: str, what: str, path: str, headers: Mapping[str, str], every: float = 0.0) -> Row:
    """The figure of one address; a page's has a budget, a list of the API's has none."""
    request = "".join(
        f"{line}\r\n"
        for line in (
            f"GET {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Accept-Encoding: gzip, br",
            *map(": ".join, headers.items()),
            "",
        )
    ).encode()
    port, pids = scene.network.plan.ports[part], [scene.network.pid(one) for one in PARTS]
    await load(port, [request] * CLIENTS, CLIENTS)
    used = [cpu(pid) for pid in pids]
    outcome = await load(port, [request] * REQUESTS, CLIENTS, every)
    assert not outcome.refused, f"{outcome.refused} of {REQUESTS} pages are there"
    shares = [(cpu(pid) - before) / REQUESTS * 1000 for pid, before in zip(pids, used, strict=True)]
    cuts = quantiles(outcome.seconds, n=100)
    found = f"p50 {cuts[49] * 1000:.0f}, p99 {cuts[98] * 1000:.0f} ms, {outcome.rate:.0f}/s; CPU "
    found += ", ".join(f"{name} {share:.1f}" for name, share in zip(PARTS, shares, strict=True)) + " ms each"
    if part != "console":
        return Row(what, found)
    return Row(what, found, f"p99 {MS} ms", cuts[98] * 1000 <= MS)
