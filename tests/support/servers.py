"""Real servers for tests: one of each a run, shared by its workers, and servers of a test's own to kill."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from services.local.kafka import Kafka
from services.local.ports import Ports
from services.local.valkey import Valkey

CHECKOUT = Path(__file__).resolve().parents[2]
RUN = "JOLDAMA_TEST_RUN"
"""The environment variable that names the folder of this test run; set by the process with which the run ends."""
ADDRESS_FILE = "address.json"
"""A shared server's address and process number, once it is ready."""


class Server:
    """One real server as a child process; `kill` is SIGKILL, and `start` brings it back on the same data."""

    def __init__(self, part: Kafka | Valkey) -> None:
        self.part = part
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`host:port` of Kafka, the URL of Valkey."""
        return self.part.address if isinstance(self.part, Kafka) else self.part.url

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "Server":
        self.part.prepare()
        log = self.part.folder / "server.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                self.part.command(), cwd=self.part.folder, env={**os.environ, **self.part.environment},
                stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_until(self.part.is_ready, f"{type(self.part).__name__} is ready (log: {log})", self._process)
        return self

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


def wait_until(
    ready: Callable[[], bool], what: str, process: subprocess.Popen[Any] | None = None, seconds: float = 60
) -> None:
    """Block until `ready`; fail when `process` ends first or time is up."""
    give_up = time.monotonic() + seconds
    while not ready():
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode} before: {what}")
        if time.monotonic() > give_up:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def new_server(name: str, folder: Path, ports: Ports) -> Server:
    """A server named `kafka` or `valkey` that is not started yet."""
    if name == "kafka":
        return Server(Kafka(folder, ports.choose(), ports.choose()))
    return Server(Valkey(folder, ports.choose()))


def shared_address(name: str) -> str:
    """The address of this run's one `kafka` or `valkey`, which the first caller starts."""
    folder = Path(os.environ[RUN]) / name
    folder.mkdir(exist_ok=True)
    ready = folder / ADDRESS_FILE
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            owner = Path(os.environ[RUN], "owner").read_text()
            with (folder / "server.log").open("wb") as out:
                done = subprocess.run(
                    [sys.executable, "-m", "tests.support.shared_server", name, str(folder), owner],
                    cwd=CHECKOUT, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"no shared {name}: {Path(out.name).read_text()[-2000:]}")
        address: str = json.loads(ready.read_text())["address"]
    return address


def begin_run(folder: Path) -> None:
    """Make `folder` this run's; its shared servers end when this process does."""
    (folder / "owner").write_text(str(os.getpid()))
    os.environ[RUN] = str(folder)


def end_run() -> None:
    """End the shared servers of this run, and wait for their end."""
    servers = []
    for ready in Path(os.environ.pop(RUN)).glob(f"*/{ADDRESS_FILE}"):
        try:
            servers.append(psutil.Process(json.loads(ready.read_text())["pid"]))
            servers[-1].terminate()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(servers, timeout=30)
