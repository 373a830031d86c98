"""A server process that outlives the test worker that started it: `shared_server NAME FOLDER OWNER_PID`."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import psutil

from services.local.ports import Ports
from tests.support.servers import ADDRESS_FILE, new_server


def serve(name: str, folder: Path, owner: int) -> None:
    """Run the server until SIGTERM, or until the process `owner` has ended. Its address goes into `folder`."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with Ports() as ports:
        server = new_server(name, folder / "data", ports)
        try:
            server.start()
            draft = folder / "draft"
            draft.write_text(json.dumps({"address": server.address, "pid": os.getpid()}))
            draft.rename(folder / ADDRESS_FILE)
            while psutil.pid_exists(owner) and not stopped.wait(1):
                pass
        finally:
            server.stop()


def main(name: str, folder: Path, owner: int) -> None:
    """Fork a process that serves, and return when the server is ready."""
    if child := os.fork():
        # the first of all also downloads Kafka
        while not (folder / ADDRESS_FILE).exists():
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                raise SystemExit(f"{name} did not start")
            threading.Event().wait(0.02)
    else:
        serve(name, folder, owner)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
