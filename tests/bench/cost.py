"""Processor time a referral by part: of many in bulk, and of single ones at some rates with their way to the feed.

python -m tests.bench.cost [REFERRALS [RATE ...]]
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping

import psutil

from tests.bench.measures import latency, quiet, whole_path
from tests.bench.network import BenchNetwork, running_network

SECONDS = 20
"""Of one rate."""


def processor_seconds(network: BenchNetwork) -> dict[str, float]:
    """By part: what its process has used of the processor so far."""
    parts = {part.name: psutil.Process(network.network.pid(part.name)).cpu_times() for part in network.network.parts}
    return {name: times.user + times.system for name, times in parts.items()}


def _cost(network: BenchNetwork, before: Mapping[str, float], count: int) -> dict[str, object]:
    """Milliseconds a referral by part since `before`; the console and the referral API have no part in it."""
    after = processor_seconds(network)
    used = {name: round((after[name] - before[name]) * 1000 / count, 3) for name in before}
    return {"by part": used, "in all": round(sum(used.values()), 3)}


async def bulk(network: BenchNetwork, count: int) -> dict[str, object]:
    await quiet(network)
    before = processor_seconds(network)
    seconds = await whole_path(network, count)
    return {"seconds": round(seconds, 2), "a second": round(count / seconds), "ms": _cost(network, before, count)}


async def single(network: BenchNetwork, rate: float) -> dict[str, object]:
    await quiet(network)
    before, count = processor_seconds(network), int(rate * SECONDS)
    p50, p99 = await latency(network, count, rate, seed=int(rate))
    to_feed = {"p50": round(p50 * 1000, 1), "p99": round(p99 * 1000, 1)}
    return {"ms to the feed": to_feed, "ms": _cost(network, before, count)}


async def measure(network: BenchNetwork, count: int, rates: list[float]) -> dict[str, object]:
    await whole_path(network, 500, seed=20)  # what the first ones alone cost
    found: dict[str, object] = {f"{count} in bulk": await bulk(network, count)} if count else {}
    for rate in rates:
        await asyncio.sleep(1)
        found[f"{rate:g} a second"] = await single(network, rate)
    return found | {"at": time.strftime("%H:%M:%S")}


if __name__ == "__main__":
    wanted, *given = [float(one) for one in sys.argv[1:]] or [10_000.0]
    with running_network() as started:
        print(json.dumps(asyncio.run(measure(started, int(wanted), given)), indent=2))  # noqa: T201
