"""Finding what a killed network left running. A process is ours when its own environment says so, and only then."""

import os
from collections.abc import Callable

import psutil

from services.local.home import Home
from services.local.mark import MARK


def processes_of(home: Home) -> list[psutil.Process]:
    """Those of this user's processes that carry this home's mark, this process aside."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(home.root):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_all(home: Home, patience: float = 10) -> int:
    """End every process of this home: asked first, killed after `patience` seconds. How many there were."""
    left = processes_of(home)
    for process in left:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(left, timeout=patience)
    while alive:
        for process in alive:
            _signal(process.kill)
        psutil.wait_procs(alive, timeout=5)
        alive = processes_of(home)
    return len(left)


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return
