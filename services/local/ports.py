"""Choosing free ports on loopback, and never one that another network has chosen."""

import fcntl
import os
import random
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from services.local.private import make_private, open_private

LOOPBACK = "127.0.0.1"
_OTHERS = range(20_000, 32_000)
"""Below the range from which systems take the ports of outgoing connections."""


class Ports:
    """The ports of one network. A file lock marks each choice, so that networks that start at once choose others.

    The locks end with the process, or with the `with` block.
    """

    def __init__(self) -> None:
        self._marks: dict[int, IO[bytes]] = {}
        self._folder = Path(tempfile.gettempdir()) / f"joldama-ports-{os.getuid()}"

    def choose(self, preferred: int | None = None) -> int:
        """`preferred` when nobody listens there or has chosen it, else any other free port."""
        if preferred is not None and self._take(preferred):
            return preferred
        for port in random.sample(_OTHERS, 500):
            if self._take(port):
                return port
        raise OSError("no free port on loopback between 20000 and 32000")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for mark in self._marks.values():
            mark.close()
        self._marks.clear()

    def _take(self, port: int) -> bool:
        if port in self._marks:
            return False
        mark = open_private(make_private(self._folder) / str(port), "ab")
        with suppress(BlockingIOError):
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_free(port):
                self._marks[port] = mark
                return True
        mark.close()
        return False


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
