"""Reading at a country's size: the processor's time of an answer by part, answers a second, an audit, and memory.

python -m tests.bench.reads [--waiting 45000] [--closed 0] [--requests 1500]; a country:
python -m tests.bench.reads --waiting 117000 --closed 883000
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import quantiles

import psutil

from tests.bench.country import Filled, fill
from tests.bench.load import load
from tests.bench.measures import quiet
from tests.bench.network import POLYCLINIC, BenchNetwork, running_network, submissions

CLIENTS = 32
PARTS = ("referral", "capacity", "valkey")
SERVERS = ("kafka", "valkey")


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


@dataclass(frozen=True, slots=True)
class Read:
    """Who reads what; `{id}` is each time another referral that waits."""

    what: str
    role: str
    path: str
    part: str = "referral"


READS = (
    Read("story, live", "operator", "/v1/referrals/{id}"),
    Read("story, as published", "polyclinic", "/v1/referrals/{id}"),
    Read("forecast", "operator", "/v1/forecast"),
    Read("centers", "operator", "/v1/centers"),
    Read("referrals", "operator", "/v1/referrals?limit=20"),
    Read("referrals, own", "polyclinic", "/v1/referrals?limit=20"),
    Read("escalated", "operator", "/v1/worklists/escalated?limit=20"),
    Read("capacity", "operator", "/v1/capacity", "capacity"),
)


async def measure(network: BenchNetwork, filled: Filled, count: int) -> dict[str, object]:
    reads = {one.what: await _read(network, one, filled.ids, count) for one in READS}
    return {"referrals": filled.referrals, "waiting": filled.waiting, "reads": reads, "audit": await _audit(network),
            "MiB (PSS)": _memory(network)}  # fmt: skip


async def _read(network: BenchNetwork, one: Read, ids: list[str], count: int) -> dict[str, object]:
    """Milliseconds, of the processor by part and of the clock, and answers a second."""
    port, requests = network.port(one.part), list(islice(_requests(network, one, ids), count))
    await load(port, requests[: count // 5], CLIENTS)
    before = {part: _cpu(network, part) for part in PARTS}
    outcome = await load(port, requests, CLIENTS)
    if outcome.refused:
        raise RuntimeError(f"{one.path}: {outcome.refused} of {count} were refused")
    used = {part: round((_cpu(network, part) - before[part]) * 1000 / count, 2) for part in PARTS}
    cuts = quantiles(outcome.seconds, n=100)
    return {"CPU ms": used | {"in all": round(sum(used.values()), 2)}, "a second": round(outcome.rate),
            "p50": round(cuts[49] * 1000, 1), "p99": round(cuts[98] * 1000, 1)}  # fmt: skip


def _requests(network: BenchNetwork, one: Read, ids: list[str]) -> Iterator[bytes]:
    token = network.token(one.role, POLYCLINIC if one.role == "polyclinic" else "")
    for id in cycle(ids):
        head = f"GET {one.path.format(id=id)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
        yield head.encode()


def _cpu(network: BenchNetwork, part: str) -> float:
    times = psutil.Process(network.network.pid(part)).cpu_times()
    return float(times.user + times.system)


async def _audit(network: BenchNetwork) -> dict[str, object]:
    """The fastest of three audits: seconds, of the processor by part, and how many MiB more were needed at most."""
    return min([await asyncio.to_thread(_audit_once, network) for _ in range(3)], key=lambda one: float(str(one["s"])))


def _audit_once(network: BenchNetwork) -> dict[str, object]:
    before, memory = {part: _cpu(network, part) for part in PARTS}, {part: _resident(network, part) for part in PARTS}
    for part in PARTS:
        Path(f"/proc/{network.network.pid(part)}/clear_refs").write_text("5")  # the peak begins anew
    with network.client("referral", "operator") as operator:
        began = time.perf_counter()
        report = operator.get("/v1/audit").raise_for_status().json()
        seconds = time.perf_counter() - began
    if report["differences"]:
        raise RuntimeError(f"record and capacity differ: {report['differences'][:3]}")
    return {
        "s": round(seconds, 2),
        "CPU s": {part: round(_cpu(network, part) - before[part], 2) for part in PARTS},
        "MiB more": {part: round(_resident(network, part, "VmHWM") - memory[part], 1) for part in PARTS},
        "open": report["referrals"], "claims": report["claims"],
    }  # fmt: skip


def _resident(network: BenchNetwork, part: str, what: str = "VmRSS") -> float:
    """MiB of a part, now or (VmHWM) at its peak."""
    return _status(f"/proc/{network.network.pid(part)}/status", what)


def _status(file: str, what: str) -> float:
    line = next(one for one in Path(file).read_text().splitlines() if one.startswith(f"{what}:"))
    return int(line.split()[1]) / 1024


def _memory(network: BenchNetwork) -> dict[str, float]:
    """By process, without the servers: pages that several share count in parts, also for supervisord, their parent."""
    pids = {part.name: network.network.pid(part.name) for part in network.network.parts if part.name not in SERVERS}
    pids["supervisord"] = psutil.Process(pids["console"]).ppid()
    found = {name: round(_status(f"/proc/{pid}/smaps_rollup", "Pss"), 1) for name, pid in pids.items()}
    return found | {"in all": round(sum(found.values()), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, default=45_000, help="referrals that wait (45,000)")
    parser.add_argument("--closed", type=int, default=0, help="referrals that are completed (0)")
    parser.add_argument("--requests", type=int, default=1_500, help="of each address (1,500)")
    parser.add_argument("--children", action="store_true", help="only children at intake, one after the other")
    options = parser.parse_args()
    with running_network() as network:
        if options.children:
            p50, p95 = asyncio.run(read_children(network, 200))
            found: object = {"p50 ms": round(p50 * 1000, 1), "p95 ms": round(p95 * 1000, 1)}
        else:
            found = asyncio.run(_all(network, options.waiting, options.closed, options.requests))
    json.dump(found, sys.stdout, indent=2)


async def _all(network: BenchNetwork, waiting: int, closed: int, count: int) -> dict[str, object]:
    return await measure(network, await fill(network, waiting, closed), count)


if __name__ == "__main__":
    main()
