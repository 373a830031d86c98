"""Orphans: processes that a killed network left running, known by the home's path in their environment."""

import os
from contextlib import suppress

import psutil

from services.local.home import MARK, Home


def processes_of(home: Home) -> list[psutil.Process]:
    """This user's processes that carry this home's mark, except this process."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(home.root):
                found.append(process)
    return found


def end_all(home: Home, patience: float = 10) -> int:
    """Terminate every process of this home, kill it after `patience` seconds, and return how many there were."""
    left = processes_of(home)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(left, timeout=patience)
    while alive:
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=5)
        alive = processes_of(home)
    return len(left)
