"""`make bench-pages`: what a page costs on a slow line, and what its feeds cost the console; against the budgets."""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import psutil
from playwright.sync_api import Browser, Page
from rich.console import Console
from rich.table import Table

from services.cli.token import LOCAL_POLYCLINIC
from services.cli.up import demo
from tests.pages.browser import Visitor, chromium
from tests.pages.scene import Scene, every_page, make_scene
from tests.pages.test_words import TOKEN
from tests.support.children import submissions, submit_all
from tests.support.network import running_network

KBIT, LATENCY = 400, 300
"""The line: kilobits a second, and milliseconds of a round trip."""
COLD_KB, WARM_KB, PAINT_S, UPDATE_S, WORKLIST_MS, FEEDS_MB, FEEDS_CORE = 30, 10, 0.9, 2.0, 50, 50, 0.10
LISTED, CLIENTS, FEEDS, EVENTS, SECONDS = 5_000, 32, 500, 10, 10
ENVIRONMENT = {"JOLDAMA_CONNECTIONS": "3000", "JOLDAMA_CONNECTIONS_PER_ADDRESS": "3000", "JOLDAMA_FIGURES_EVERY": "1"}
SLOW = {"offline": False, "latency": LATENCY, "downloadThroughput": KBIT * 125, "uploadThroughput": KBIT * 125}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, and whether it is within its budget."""

    what: str
    found: str
    budget: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """A page's transferred bytes with all that it loads, and seconds to the first paint."""

    bytes: int
    paint: float


def cost(visitor: Visitor, path: str, *, cold: bool) -> Cost:
    """One visit on the slow line, with an empty cache or with what the visit before has left."""
    page = visitor.page
    session: Any = visitor.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    if cold:
        session.send("Network.clearBrowserCache")
        visitor.context.clear_cookies(name="css")
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda one: sizes.append(int(one["encodedDataLength"])))
    page.goto(path)
    page.wait_for_timeout(1500)  # what is fetched ahead for the next page counts too
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0") / 1000
    session.detach()
    return Cost(sum(sizes), paint)


def pages(browser: Browser, scene: Scene) -> Iterator[Row]:
    warm_up = Visitor(browser, scene.console)
    warm_up.page.goto("/sign-in")
    warm_up.close()
    for role in ("nobody", "polyclinic", "center", "operator"):
        visitor = Visitor(browser, scene.console, "kk", 360)
        if role != "nobody":
            visitor.sign_in(role, scene.organization(role))
        for path in [path for owner, path in every_page(scene) if owner == role and path != "/nowhere"]:
            first, second = cost(visitor, path, cold=True), cost(visitor, path, cold=False)
            found = f"{first.bytes / 1024:.1f} / {second.bytes / 1024:.1f} KB, {first.paint:.2f} / {second.paint:.2f} s"
            kept = first.bytes <= COLD_KB * 1024 and second.bytes <= WARM_KB * 1024 and first.paint <= PAINT_S
            yield Row(f"{role} {path}", found, f"{COLD_KB} / {WARM_KB} KB, {PAINT_S} s", kept)
        visitor.close()


def first_update(browser: Browser, scene: Scene) -> Row:
    """From a referral's submission to the change of the first page of its polyclinic, on the slow line."""
    visitor = Visitor(browser, scene.console, "kk", 360)
    visitor.sign_in("polyclinic", LOCAL_POLYCLINIC)
    session: Any = visitor.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    visitor.page.goto("/")
    visitor.page.wait_for_selector("html.live", timeout=10_000)
    seconds = [_update(visitor.page, scene, seed) for seed in range(3)]
    visitor.close()
    slowest = max(seconds)
    return Row("first live update", f"{slowest:.2f} s", f"{UPDATE_S} s", slowest <= UPDATE_S)


def _update(page: Page, scene: Scene, seed: int) -> float:
    page.evaluate(
        "() => { window.changed = new Promise(done => new MutationObserver(() => done(Date.now()))"
        ".observe(document.querySelector('[data-live]'), {childList: true, subtree: true})) }"
    )
    (body,) = submissions(1, 9_000 + seed)
    headers = {"Idempotency-Key": f"bench-{seed}"}
    url = scene.network.url("intake") + "/v1/diagnoses"
    token = scene.network.headers("polyclinic", LOCAL_POLYCLINIC)
    httpx2.post(url, json=body, headers=headers | token, timeout=20).raise_for_status()
    committed = time.time()
    return float(page.evaluate("() => window.changed")) / 1000 - committed


async def _session(client: httpx2.AsyncClient, who: str) -> None:
    found = TOKEN.search((await client.get("/sign-in")).text)
    assert found, "the sign-in page has a form"
    await client.post("/sign-in", data={"who": who, "back": "/", "form_token": found[1]})


async def worklist(scene: Scene, path: str) -> Row:
    """A long list's first page, fetched by so many at once."""
    times: list[float] = []
    async with httpx2.AsyncClient(base_url=scene.console, timeout=60) as client:
        await _session(client, f"polyclinic/{LOCAL_POLYCLINIC}")
        if not (await client.get(path)).is_success:
            return Row(f"a list of {LISTED:,}", f"there is no page {path}", "", False)

        async def reader() -> None:
            for _ in range(20):
                began = time.perf_counter()
                (await client.get(path)).raise_for_status()
                times.append((time.perf_counter() - began) * 1000)

        await asyncio.gather(*(reader() for _ in range(CLIENTS)))
    p99 = statistics.quantiles(times, n=100)[98]
    return Row(
        f"a list of {LISTED:,} at {CLIENTS} clients", f"p99 {p99:.0f} ms", f"{WORKLIST_MS} ms", p99 <= WORKLIST_MS
    )


async def feeds(scene: Scene) -> Row:
    """So many open pages, at so many events a second: memory and CPU of the console that they add."""
    process = psutil.Process(scene.network.pid("console"))
    before, bodies = process.memory_info().rss, submissions(SECONDS * EVENTS, seed=77)
    async with httpx2.AsyncClient(
        base_url=scene.console, timeout=None, limits=httpx2.Limits(max_connections=None)
    ) as one:
        await _session(one, "operator/")
        answers = [await one.send(one.build_request("GET", "/live?worklist=1"), stream=True) for _ in range(FEEDS)]
        opened = sum(answer.is_success for answer in answers)
        used, began = _cpu(process), time.monotonic()
        for number in range(SECONDS):
            await submit_all(scene.network, bodies[number * EVENTS :][:EVENTS])
            await asyncio.sleep(max(0.0, began + number + 1 - time.monotonic()))
        share = (_cpu(process) - used) / (time.monotonic() - began)
        grown = (process.memory_info().rss - before) / 1024 / 1024
        for answer in answers:
            await answer.aclose()
    kept = opened == FEEDS and grown <= FEEDS_MB and share <= FEEDS_CORE
    found = f"{opened} open, {grown:.0f} MB, {share:.0%} of a core"
    return Row(f"{FEEDS} feeds at {EVENTS} events/s", found, f"{FEEDS_MB} MB, {FEEDS_CORE:.0%}", kept)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _apart(work: Coroutine[Any, Any, Row]) -> Row:
    """Playwright has an event loop in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def show(rows: Sequence[Row]) -> None:
    table = Table(title=f"Pages at {KBIT} kbit/s and {LATENCY} ms (cold / warm), {os.cpu_count()} cores")
    for column in ("what", "found", "budget", ""):
        table.add_column(column)
    for row in rows:
        table.add_row(row.what, row.found, row.budget, "kept" if row.kept else "MISSED")
    Console(width=140).print(table)


def main() -> int:
    rows: list[Row] = []
    with TemporaryDirectory(prefix="joldama-pages-") as home, chromium() as browser:
        with running_network(Path(home), None, **ENVIRONMENT) as network:
            scene = make_scene(network)
            rows += pages(browser, scene)
            rows.append(first_update(browser, scene))
            demo.submit_children(network.plan, LISTED)
            rows += [_apart(worklist(scene, "/referrals")), _apart(feeds(scene))]
    show(rows)
    return sum(not one.kept for one in rows)


if __name__ == "__main__":
    sys.exit(main())
