"""Stops supervisord when the process that started the network has ended, however it ended."""

import fcntl
import os
import signal
from pathlib import Path

from services.local.home import MARK, Home
from services.local.private import open_private


def main() -> None:
    """Wait for the lock that the network's owner holds as long as it lives. Runs as a child of supervisord."""
    supervisord = os.getppid()
    with open_private(Home(Path(os.environ[MARK])).lock_file, "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    if os.getppid() == supervisord:
        os.kill(supervisord, signal.SIGTERM)
    signal.pause()


if __name__ == "__main__":
    main()
