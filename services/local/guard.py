"""Ends the network when its owner is gone, however that went: waits for the home's lock, then stops supervisord."""

import fcntl
import os
import signal
from pathlib import Path

from services.local.home import Home
from services.local.mark import MARK


def main(lock_file: Path) -> None:
    """Run as a child of supervisord, whose owner holds `lock_file` for as long as it lives."""
    supervisord = os.getppid()
    with lock_file.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    if os.getppid() == supervisord:
        os.kill(supervisord, signal.SIGTERM)
    signal.pause()


if __name__ == "__main__":
    main(Home(Path(os.environ[MARK])).lock_file)
