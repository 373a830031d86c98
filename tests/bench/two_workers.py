"""What a second worker process brings: real workers on Kafka and PostgreSQL, each with half of the partitions.

python -m tests.bench.two_workers [COUNT]

The processor time of all workers a referral, of as many as wait in Kafka, one worker and two in turn, twice each;
without what a worker takes anyway, which is more where others use the machine and all lasts longer. Two bring
`2 * one / two` times the referrals where there are cores for both, which processor time does not see.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from statistics import mean
from typing import Any

from services.local.parts import SERVICES, Blueprint
from services.local.ports import Ports
from tests.bench.measures import quiet, routed, submit_lines
from tests.bench.network import BenchNetwork, running_network, submissions, until, used_by
from tests.chaos.doubles import with_doubles
from tests.chaos.scenario import SECOND

WORKER, RELAY = "referral-worker", "intake-relay"
BOTH = (WORKER, WORKER + SECOND)
ROUNDS = 2
IDLE = 8.0
"""Seconds."""
WARM = 500
"""Referrals before each measurement: by then the partitions are divided anew."""


async def route(network: BenchNetwork, count: int, seed: int) -> None:
    """Submit children, who come to Kafka together, and wait until each is routed and published."""
    supervisor, before = network.network.supervisor, routed(network)
    await asyncio.to_thread(supervisor.stop_part, SERVICES, RELAY)
    accepted = await asyncio.to_thread(submit_lines, network, submissions(count, seed))
    await asyncio.to_thread(supervisor.start_part, SERVICES, RELAY)
    await asyncio.to_thread(until, lambda: routed(network) >= before + accepted, "all are routed")
    await quiet(network)


async def costs(network: BenchNetwork, workers: tuple[str, ...], count: int, seed: int) -> list[float]:
    """Of each worker its milliseconds by all referrals, without what it takes in that time when nothing comes."""
    await route(network, WARM, seed)
    pids = [network.network.pid(one) for one in workers]
    idle, lasted = await spent(pids, lambda: asyncio.sleep(IDLE))
    busy, took = await spent(pids, lambda: route(network, count, seed + 1))
    return [round(1000 * (all - none * took / lasted) / count, 3) for all, none in zip(busy, idle, strict=True)]


async def spent(pids: list[int], does: Callable[[], Coroutine[Any, Any, None]]) -> tuple[list[float], float]:
    """Seconds of the processor by process, and of the clock."""
    before, began = [used_by(one) for one in pids], time.monotonic()
    await does()
    return [used_by(one) - used for one, used in zip(pids, before, strict=True)], time.monotonic() - began


async def measure(network: BenchNetwork, count: int) -> dict[str, object]:
    supervisor, two, one = network.network.supervisor, list[list[float]](), list[list[float]]()
    await route(network, WARM, 1)
    for number in range(ROUNDS):
        two.append(await costs(network, BOTH, count, 100 + 10 * number))
        await asyncio.to_thread(supervisor.stop_part, SERVICES, BOTH[1])
        one.append(await costs(network, BOTH[:1], count, 105 + 10 * number))
        await asyncio.to_thread(supervisor.start_part, SERVICES, BOTH[1])
        await asyncio.to_thread(network.network.wait_ready, network.network.parts)
    rounds = [round(2 * sum(alone) / sum(each), 2) for alone, each in zip(one, two, strict=True)]
    return {"one": one, "two": two, "two against one": rounds, "mean": round(mean(rounds), 2)}


def main() -> None:
    with Ports() as ports:

        def doubled(given: Blueprint) -> Blueprint:
            return replace(given, services=lambda plan: [
                part for part in with_doubles(given.services(plan), ports)
                if part.name in BOTH or not part.name.endswith(SECOND)
            ])  # fmt: skip

        with running_network("postgresql", doubled) as network:
            found = asyncio.run(measure(network, int(sys.argv[1]) if len(sys.argv) > 1 else 3_000))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
