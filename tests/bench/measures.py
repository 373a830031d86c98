"""The measurements, each in referrals (or requests, or claims) a second."""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from statistics import quantiles

import httpx2

from services.local.parts import SERVICES
from services.local.ports import Ports
from tests.bench import claims, kafka
from tests.bench.feed import following
from tests.bench.load import load, request_bytes
from tests.bench.network import EVERYWHERE, POLYCLINIC, BenchNetwork, process, submissions, until
from tests.support.kafka_admin import admin_options

CLIENTS = 16
COLLIDING = 0.01
"""The share of refusals that is no fault: made-up IINs of two seeds may be the same."""
DAY = 44_457
"""One day of the English e-Referral Service: its mean, 2019-10 to 2023-02."""


@dataclass
class Figures:
    """The result of one run. Rates are a second; seconds are of one referral."""

    rates: dict[str, float] = field(default_factory=dict)
    p50: float = 0.0
    p99: float = 0.0
    read_p50: float = 0.0
    read_p95: float = 0.0
    day_seconds: float = 0.0
    day_count: int = 0
    processor: dict[str, float] = field(default_factory=dict)
    """Of each part on the whole path, in milliseconds a referral."""


async def intake_posts(network: BenchNetwork, count: int) -> float:
    """Intake alone, as the bare part is alone: its relay is stopped meanwhile."""
    network.network.supervisor.stop_part(SERVICES, "intake-relay")
    token = network.token("polyclinic", POLYCLINIC)
    requests = [request_bytes("/v1/diagnoses", body, token) for body in submissions(count, seed=11)]
    outcome = await load(network.port("intake"), requests, CLIENTS)
    if outcome.refused > count * COLLIDING:
        raise RuntimeError(f"intake refused {outcome.refused} of {count}")
    network.network.supervisor.start_part(SERVICES, "intake-relay")
    return outcome.rate


async def bare_posts(network: BenchNetwork, count: int) -> float:
    with tempfile.TemporaryDirectory() as folder, Ports() as ports:
        port, server = ports.choose(), network.postgres
        url = server.make_database("bare") if server else f"sqlite:///{folder}/bare.sqlite3"
        with process("tests.bench.bare_post", url, str(port)):
            await asyncio.to_thread(until, lambda: _listens(port), "the bare POST listens")
            requests = [request_bytes("/v1/bare", body, "") for body in submissions(count, seed=11)]
            return (await load(port, requests, CLIENTS)).rate


def _listens(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/openapi.json").is_success
    except httpx2.TransportError:
        return False


async def worker(network: BenchNetwork, count: int) -> float:
    """Referrals routed a second, from a backlog in Kafka: the worker is stopped while intake fills it."""
    await quiet(network)
    supervisor = network.network.supervisor
    supervisor.stop_part(SERVICES, "referral-worker")
    before = routed(network)
    count = await asyncio.to_thread(submit_lines, network, submissions(count, seed=12))
    await asyncio.to_thread(until, lambda: pending(network, "intake") == 0, "intake's outbox is empty")
    supervisor.start_part(SERVICES, "referral-worker")
    await asyncio.to_thread(until, lambda: routed(network) > before, "the worker begins", every=0.01)
    first, began = routed(network), time.perf_counter()
    await asyncio.to_thread(until, lambda: routed(network) >= before + count, "the backlog is routed", every=0.02)
    return (before + count - first) / (time.perf_counter() - began)


async def bare_worker(network: BenchNetwork, count: int) -> float:
    login = admin_options(network.plan)
    await kafka.make_topics(login, "bench.in", "bench.out")
    events = await kafka.read_all(login, "joldama.diagnoses.v1", count)
    await kafka.fill(login, "bench.in", events[:count])
    environment = network.plan.kafka_login() | {"JOLDAMA_KAFKA_SERVERS": network.plan.kafka_servers}
    environment["JOLDAMA_MODE"] = "local"
    with process("tests.bench.bare_worker", "bench.in", "bench.out", **environment):
        return count / await kafka.span(login, "bench.out", count)


async def claim_rates(network: BenchNetwork, count: int) -> dict[str, float]:
    url = network.plan.redis_url
    return {
        "bare claims": await claims.bare_claims(url, count),
        "claims held": await claims.our_claims(url, count, places=count),
        "claims waiting": await claims.our_claims(url, count, places=0),
    }


async def latency(network: BenchNetwork, count: int, rate: float, seed: int = 13) -> tuple[float, float]:
    """p50 and p99 in seconds from a POST to the feed's event, at `rate` a second on a quiet network."""
    await quiet(network)
    token = network.token("polyclinic", POLYCLINIC)
    bodies = submissions(count, seed, wishes=EVERYWHERE)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    began: dict[str, float] = {}
    async with following(network) as feed, httpx2.AsyncClient(base_url=network.plan.url("intake")) as client:

        async def post(body: bytes) -> None:
            at = time.perf_counter()
            answer = await client.post("/v1/diagnoses", content=body, headers=headers)
            began[answer.json()["referral_id"]] = at

        async with asyncio.TaskGroup() as posts:
            for body in bodies:
                posts.create_task(post(body))
                await asyncio.sleep(1 / rate)
        await feed.wait_for(began, 60)
        waits = sorted(feed.seen[referral] - at for referral, at in began.items())
    cuts = quantiles(waits, n=100)
    return cuts[49], cuts[98]


async def whole_path(network: BenchNetwork, count: int, seed: int = 14) -> tuple[float, dict[str, float]]:
    """Seconds from the first byte of a bulk submission until every referral is routed and every event is in Kafka.

    And of each part the milliseconds of processor time a referral.
    """
    lines = submissions(count, seed)
    await quiet(network)
    before, used = routed(network), network.processor_seconds()
    async with following(network):
        began = time.perf_counter()
        accepted = await asyncio.to_thread(submit_lines, network, lines)
        await asyncio.to_thread(until, lambda: routed(network) >= before + accepted, "all are routed", 900)
        await quiet(network)
        seconds = time.perf_counter() - began
    spent = {name: now - used[name] for name, now in network.processor_seconds().items()}
    return seconds, {name: one * 1000 / count for name, one in spent.items()}


async def quiet(network: BenchNetwork) -> None:
    """Wait until nothing of an earlier measurement is under way."""
    await asyncio.to_thread(until, lambda: pending(network, "intake") == 0, "intake's outbox is empty")
    await asyncio.to_thread(until, lambda: routed(network) >= submitted(network), "all are routed")
    await asyncio.to_thread(until, lambda: pending(network, "referral") == 0, "the record's outbox is empty")


def submit_lines(network: BenchNetwork, lines: list[bytes]) -> int:
    """Submit in bulk, in parts of 2,000 lines; how many intake accepted."""
    accepted = 0
    with network.client("intake", "polyclinic", POLYCLINIC) as client:
        for start in range(0, len(lines), 2000):
            part = b"\n".join(lines[start : start + 2000])
            answer = client.post(
                "/v1/diagnoses/bulk", content=part, headers={"Content-Type": "application/x-ndjson"}
            ).raise_for_status()
            accepted += answer.text.count('"status":201')
    if accepted < len(lines) * (1 - COLLIDING):
        raise RuntimeError(f"bulk intake accepted {accepted} of {len(lines)}")
    return accepted


def pending(network: BenchNetwork, service: str) -> int:
    """Rows of the service's outbox that Kafka has not acknowledged."""
    return network.count(service, "outbox WHERE acknowledged_at IS NULL")


def submitted(network: BenchNetwork) -> int:
    return network.count("intake", "diagnosis")


def routed(network: BenchNetwork) -> int:
    """Referrals whose decision is recorded."""
    return network.count("referral", "referrals WHERE state <> 'submitted'")
