"""`make bench-pages`: what a page costs on a slow line, and what its feeds cost the console; against the budgets."""

import asyncio
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import httpx2
import psutil
from playwright.sync_api import Browser, Page

from services.cli.token import LOCAL_POLYCLINIC
from tests.pages.bench_lists import lists, sign_in
from tests.pages.browser import Visitor, chromium
from tests.pages.budget import Row, cpu, show
from tests.pages.scene import Scene, every_page, make_scene
from tests.support.children import submissions, submit_all
from tests.support.network import running_network

KBIT, LATENCY = 400, 300
"""The line: kilobits a second, and milliseconds of a round trip."""
COLD_KB, WARM_KB, PAINT_S, UPDATE_S, FEEDS_MB, FEEDS_CORE = 30, 10, 0.9, 2.0, 50, 0.10
FEEDS, EVENTS, SECONDS = 500, 10, 10
ENVIRONMENT = {
    "JOLDAMA_CONNECTIONS": "3000", "JOLDAMA_CONNECTIONS_PER_ADDRESS": "3000", "JOLDAMA_FIGURES_EVERY": "1",
    "JOLDAMA_LIMITS": "{}",
}  # fmt: skip
"""All clients are of one address, and one holder."""
R = TypeVar("R")
SLOW = {"offline": False, "latency": LATENCY, "downloadThroughput": KBIT * 125, "uploadThroughput": KBIT * 125}


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


async def feeds(scene: Scene) -> Row:
    """So many open pages, at so many events a second: memory and CPU of the console that they add."""
    pid = scene.network.pid("console")
    process = psutil.Process(pid)
    before, bodies = process.memory_info().rss, submissions(SECONDS * EVENTS, seed=77)
    async with httpx2.AsyncClient(
        base_url=scene.console, timeout=None, limits=httpx2.Limits(max_connections=None)
    ) as one:
        await sign_in(one, "operator/")
        answers = [await one.send(one.build_request("GET", "/live?worklist=1"), stream=True) for _ in range(FEEDS)]
        opened = sum(answer.is_success for answer in answers)
        used, began = cpu(pid), time.monotonic()
        for number in range(SECONDS):
            await submit_all(scene.network, bodies[number * EVENTS :][:EVENTS])
            await asyncio.sleep(max(0.0, began + number + 1 - time.monotonic()))
        share = (cpu(pid) - used) / (time.monotonic() - began)
        grown = (process.memory_info().rss - before) / 1024 / 1024
        for answer in answers:
            await answer.aclose()
    kept = opened == FEEDS and grown <= FEEDS_MB and share <= FEEDS_CORE
    found = f"{opened} open, {grown:.0f} MB, {share:.0%} of a core"
    return Row(f"{FEEDS} feeds at {EVENTS} events/s", found, f"{FEEDS_MB} MB, {FEEDS_CORE:.0%}", kept)


def _apart(work: Coroutine[Any, Any, R]) -> R:
    """Playwright has an event loop in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


PARTS: Mapping[str, Callable[[Browser, Scene], Iterable[Row]]] = {
    "pages": pages,
    "update": lambda browser, scene: [first_update(browser, scene)],
    "lists": lambda _, scene: _apart(lists(scene)),
    "feeds": lambda _, scene: [_apart(feeds(scene))],
}


def main() -> int:
    parser = ArgumentParser(prog="make bench-pages", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="all take about ten minutes")
    wanted, rows = parser.parse_args().only, list[Row]()
    with TemporaryDirectory(prefix="joldama-pages-") as home, chromium() as browser:
        with running_network(Path(home), None, **ENVIRONMENT) as network:
            scene = make_scene(network)
            try:
                for part in wanted:
                    rows.extend(PARTS[part](browser, scene))
            finally:  # what was measured before a part that failed
                missed = show(f"Pages at {KBIT} kbit/s and {LATENCY} ms (cold / warm)", rows)
    return missed


if __name__ == "__main__":
    sys.exit(main())
