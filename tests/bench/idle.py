"""The network with nothing to do: processor time by part, and the way of single referrals to the feed.

python -m tests.bench.idle [SECONDS [REFERRALS]]
"""

import asyncio
import json
import sys
import time

import psutil

from tests.bench.measures import latency, quiet
from tests.bench.network import BenchNetwork, running_network


async def idle_percent(network: BenchNetwork, seconds: float) -> dict[str, float]:
    """By part: percent of one core over so many seconds without a request."""
    await quiet(network)
    parts = {part.name: psutil.Process(network.network.pid(part.name)) for part in network.network.parts}
    await asyncio.sleep(5)  # what the last referral has left behind
    before, began = {name: _used(one) for name, one in parts.items()}, time.perf_counter()
    await asyncio.sleep(seconds)
    lasted = time.perf_counter() - began
    return {name: round(100 * (_used(one) - before[name]) / lasted, 2) for name, one in parts.items()}


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def measure(network: BenchNetwork, seconds: float, count: int) -> dict[str, object]:
    parts = await idle_percent(network, seconds)
    p50, p99 = await latency(network, count, rate=2)
    return {
        "percent of a core": parts,
        "in all": round(sum(parts.values()), 1),
        "single referral to the feed, ms": {"p50": round(p50 * 1000, 1), "p99": round(p99 * 1000, 1)},
    }


if __name__ == "__main__":
    lasting, referrals = (*sys.argv[1:], *("30", "60")[len(sys.argv) - 1 :])
    with running_network() as started:
        print(json.dumps(asyncio.run(measure(started, float(lasting), int(referrals))), indent=2))  # noqa: T201
