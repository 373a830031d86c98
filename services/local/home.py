"""The home: the folder with all state of one local network (data, secrets, logs, ports)."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from services.local.private import UnusableHome, make_private, open_private, write_private

MARK = "JOLDAMA_PART_OF"
"""The environment variable with the home's path, which every process of a network carries."""


class AlreadyRunning(RuntimeError):
    """Another process runs this home's network."""


class NotRunning(RuntimeError):
    """No network has been started in this home."""


class Home:
    """The paths below the absolute folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "logs"
        self.secrets = root / "secrets"
        self.sql = root / "sql"
        self.audit = root / "audit"
        """The exported heads of the audit logs."""
        self.lock_file = root / "lock"
        self.network_file = root / "network.json"
        """The ports and addresses of the last start. Readable by its owner only."""

    def make(self) -> None:
        """Make the missing folders, and close those that others may read.

        Raises UnusableHome when others may write there, or when the path is no UTF-8, which Java and SQLite need.
        """
        try:
            str(self.root).encode()
        except UnicodeEncodeError:
            raise UnusableHome(
                f"The name of the folder {str(self.root)!r} is not UTF-8. Rename it, or set JOLDAMA_HOME to another."
            ) from None
        for folder in (self.root, self.logs, self.secrets, self.sql, self.audit):
            make_private(folder)

    def read(self) -> dict[str, Any]:
        """The network file; empty before the first start, or when it is damaged."""
        return read_json(self.network_file)

    def write(self, network: dict[str, Any]) -> None:
        write_private(self.network_file, json.dumps(network, indent=2) + "\n")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the home's lock, which ends with the process. Raises AlreadyRunning and UnusableHome."""
        self.make()
        with open_private(self.lock_file, "a+b") as lock:
            if not _locked(lock):
                lock.seek(0)
                holder = lock.read().decode().strip() or "unknown"
                raise AlreadyRunning(
                    f"A network is already running in {self.root} (process {holder}). "
                    "Stop it first, or set JOLDAMA_HOME to another folder to run a second one."
                )
            lock.truncate(0)
            lock.write(b"%d" % os.getpid())
            lock.flush()
            yield


def _locked(lock: IO[bytes]) -> bool:
    """Whether the lock is ours now; a process that has just been killed may hold it for a moment."""
    for wait in (0.1, 0.2, 0.4, 0.8, None):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if wait:
                time.sleep(wait)
    return False


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when the file is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
