"""Keeps one shared server alive for as long as the test run's first process lives: `keeper NAME FOLDER OWNER_PID`."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import psutil

from services.local.ports import Ports
from tests.support.servers import new_server


def keep(name: str, folder: Path, owner: int) -> None:
    """Start the server, tell its address in `told.json`, and stop it on SIGTERM or when `owner` is gone."""
    told_to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told_to_stop.set())
    with Ports() as ports:
        server = new_server(name, folder / "data", ports)
        try:
            server.start()
            draft = folder / "told.draft"
            draft.write_text(json.dumps({"address": server.address, "keeper": os.getpid()}))
            draft.rename(folder / "told.json")
            while psutil.pid_exists(owner) and not told_to_stop.wait(1):
                pass
        finally:
            server.stop()


def main(name: str, folder: Path, owner: int) -> None:
    """Return when the server is ready, and leave the keeper behind: it outlives the worker that asked."""
    if keeper := os.fork():
        # the first of all also downloads Kafka
        while not (folder / "told.json").exists():
            if os.waitpid(keeper, os.WNOHANG) != (0, 0):
                raise SystemExit(f"{name} did not start")
            threading.Event().wait(0.02)
    else:
        keep(name, folder, owner)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
