"""Reading one child as its polyclinic, one read after the other on a quiet network."""

import asyncio
import time
from statistics import quantiles

from tests.bench.measures import quiet
from tests.bench.network import POLYCLINIC, BenchNetwork, running_network, submissions


async def read_children(network: BenchNetwork, count: int) -> tuple[float, float]:
    """p50 and p95 in seconds of `GET /v1/children/{child_id}` at intake, each of another child."""
    with network.client("intake", "polyclinic", POLYCLINIC) as client:
        kind = {"Content-Type": "application/json"}
        answers = [client.post("/v1/diagnoses", content=one, headers=kind) for one in submissions(count, seed=15)]
        await quiet(network)
        children = [one.json()["child_id"] for one in answers if one.status_code == 201]
        seconds = []
        for child in children:
            began = time.perf_counter()
            client.get(f"/v1/children/{child}").raise_for_status()
            seconds.append(time.perf_counter() - began)
    cuts = quantiles(seconds, n=20)
    return cuts[9], cuts[18]


if __name__ == "__main__":
    with running_network() as started:
        p50, p95 = asyncio.run(read_children(started, 200))
    print(f"A child read as its polyclinic: p50 {p50 * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms.")  # noqa: T201
