"""The second start of a network, the console included: seconds until every part is ready, and of the processor.

python -m tests.bench.starts [STARTS]
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

from services.local.home import Home
from services.local.network import Network


def start(home: Home) -> dict[str, object]:
    """One start and stop; memory is what the processes but the servers have when they are ready, in MiB (PSS)."""
    began = time.perf_counter()
    with Network(home, lambda line: None) as network:
        network.start()
        seconds = time.perf_counter() - began
        used = {part.name: psutil.Process(network.pid(part.name)) for part in network.parts}
        used["supervisord"] = psutil.Process(used["console"].ppid())  # it imports what is forked from it
        cpu = {name: round(sum(one.cpu_times()[:2]), 2) for name, one in used.items()}
        memory = {name: round(one.memory_full_info().pss / 2**20, 1) for name, one in used.items()}
    ours = sum(mib for name, mib in memory.items() if name not in ("kafka", "valkey"))
    return {
        "s": round(seconds, 2),
        "CPU s": cpu | {"in all": round(sum(cpu.values()), 2)},
        "MiB": memory | {"ours": ours},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="joldama-starts-") as folder:
        place = Home(Path(folder))
        start(place)
        json.dump([start(place) for _ in range(int((sys.argv[1:] or ["2"])[0]))], sys.stdout, indent=2)
