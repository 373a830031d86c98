"""The folder in which one local network keeps everything: data, secrets, logs, and the ports it chose."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO


class AlreadyRunning(RuntimeError):
    """Another process runs this home's network."""


class NotRunning(RuntimeError):
    """No network has been started in this home."""


def default_home() -> "Home":
    """The home named by `JOLDAMA_HOME`, or `.joldama` in the current folder."""
    return Home(Path(os.environ.get("JOLDAMA_HOME") or ".joldama").resolve())


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below one absolute folder."""

    root: Path

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def sql(self) -> Path:
        return self.root / "sql"

    @property
    def network_file(self) -> Path:
        """What was chosen at the last start: ports and addresses. Readable by its owner only."""
        return self.root / "network.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    def make(self) -> None:
        for folder in (self.root, self.logs, self.secrets, self.sql):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self) -> dict[str, Any]:
        """The network file; empty before the first start, or when it is damaged."""
        try:
            found: dict[str, Any] = json.loads(self.network_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found

    def write(self, network: dict[str, Any]) -> None:
        write_private(self.network_file, json.dumps(network, indent=2) + "\n")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the one process that runs this home's network; raises AlreadyRunning. Ends with the process."""
        self.make()
        with self.lock_file.open("a+") as lock:
            if not _locked(lock):
                lock.seek(0)
                raise AlreadyRunning(
                    f"A network is already running in {self.root} (process {lock.read().strip() or 'unknown'}). "
                    "Stop it first, or set JOLDAMA_HOME to another folder to run a second one."
                )
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield


def _locked(lock: TextIO) -> bool:
    """Whether the lock is ours; who has just been killed may take a moment to let it go."""
    for wait in (0.1, 0.2, 0.4, 0.8, None):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if wait:
                time.sleep(wait)
    return False


def write_private(path: Path, text: str) -> None:
    """Write `path` in one step, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
