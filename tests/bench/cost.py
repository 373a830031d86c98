"""Processor time a referral by part: of many in bulk, and of single ones at some rates with their way to the feed.

python -m tests.bench.cost [REFERRALS [RATE ...]]
"""

import asyncio
import json
import sys
from collections.abc import Mapping

from tests.bench.measures import latency, quiet, whole_path
from tests.bench.network import BenchNetwork, running_network

SECONDS = 20
"""Of one rate."""


def _milliseconds(parts: Mapping[str, float]) -> dict[str, float]:
    return {name: round(one, 3) for name, one in {**parts, "in all": sum(parts.values())}.items()}


async def bulk(network: BenchNetwork, count: int) -> dict[str, object]:
    seconds, parts = await whole_path(network, count)
    return {"a second": round(count / seconds), "ms of the processor": _milliseconds(parts)}


async def single(network: BenchNetwork, rate: float) -> dict[str, object]:
    await quiet(network)
    before, count = network.processor_seconds(), int(rate * SECONDS)
    p50, p99 = await latency(network, count, rate, seed=int(rate))
    after = network.processor_seconds()
    parts = {name: (after[name] - before[name]) * 1000 / count for name in before}
    to_feed = {"p50": round(p50 * 1000, 1), "p99": round(p99 * 1000, 1)}
    return {"ms to the feed": to_feed, "ms of the processor": _milliseconds(parts)}


async def measure(network: BenchNetwork, count: int, rates: list[float]) -> dict[str, object]:
    await whole_path(network, 500, seed=20)  # what the first ones alone cost
    found: dict[str, object] = {f"{count} in bulk": await bulk(network, count)} if count else {}
    return found | {f"{rate:g} a second": await single(network, rate) for rate in rates}


if __name__ == "__main__":
    wanted, *given = [float(one) for one in sys.argv[1:]] or [10_000.0]
    with running_network() as started:
        print(json.dumps(asyncio.run(measure(started, int(wanted), given)), indent=2))  # noqa: T201
