"""supervisord, which keeps the processes running: its start, and its XML-RPC calls."""

import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.local.home import Home
from services.local.jars import CHECKOUT
from services.local.parts import Part
from services.local.private import make_private, open_private, write_private
from services.local.supervisord_conf import GUARD, GUARD_COMMAND, PARTS, SOCKET, configuration, described

SETTINGS = "supervisord.conf"
KEEP = {"SPT_NOENV": "1"}
"""For setproctitle: the title of a forked part covers no environment, by which orphans are known."""
LONGEST_SOCKET_PATH = 85
"""Bytes. Systems allow about a hundred, and supervisord adds a suffix while it binds."""


class SupervisorGone(RuntimeError):
    """supervisord does not answer."""


@dataclass(frozen=True, slots=True)
class Running:
    """The state of one part, as supervisord names it. `pid` is 0 while the part does not run."""

    name: str
    pid: int
    state: str


class Supervisor:
    """One supervisord and the parts it keeps running."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = home.root / "supervisor.sock"
        self._short: Path | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self, parts: Sequence[Part], environment: Mapping[str, str]) -> None:
        """Start supervisord with the settings of all parts; of them it starts only the guard by itself."""
        if len(os.fsencode(self._socket)) > LONGEST_SOCKET_PATH:
            self._short = _own_folder(self._home)
            self._socket = self._short / "supervisor.sock"
        write_private(self._home.root / SETTINGS, configuration(parts))
        self._describe(parts)
        self._socket.unlink(missing_ok=True)
        for name in ("supervisord", *(part.name for part in parts)):
            open_private(self._home.logs / f"{name}.log", "ab").close()  # as supervisord opens it afterwards
        with open_private(self._home.logs / "supervisord.err", "wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "services.local.forking", str(self._home.root), "-n", "-c", SETTINGS],
                env={**environment, **KEEP, SOCKET: str(self._socket)},
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,  # Ctrl-C is for its owner, which stops it in order
                umask=0o077,
            )

    def _describe(self, parts: Sequence[Part]) -> None:
        folder = make_private(self._home.root / PARTS)
        write_private(folder / f"{GUARD}.json", described(GUARD_COMMAND, CHECKOUT, {}))
        for part in parts:
            write_private(folder / f"{part.name}.json", described(part.command, part.folder, part.environment))

    @property
    def answers(self) -> bool:
        try:
            self._call("getState")
        except SupervisorGone:
            return False
        return True

    def start_group(self, group: str) -> None:
        """Start all parts of a group, without waiting for them."""
        self._call("startProcessGroup", group, False)

    def start_part(self, group: str, part: str) -> None:
        """Start a stopped part, without waiting for it."""
        self._call("startProcess", f"{group}:{part}", False)

    def stop_part(self, group: str, part: str) -> None:
        """Stop a part, and wait for its end."""
        self._call("stopProcess", f"{group}:{part}")

    def running(self) -> dict[str, Running]:
        """Every part by its name."""
        found = [Running(info["name"], info["pid"], info["statename"]) for info in self._call("getAllProcessInfo")]
        return {part.name: part for part in found if part.name != GUARD}

    def stop(self, patience: float = 45) -> None:
        """Stop all parts in order (services before servers), then supervisord itself."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._short:
            shutil.rmtree(self._short, ignore_errors=True)

    def _call(self, method: str, *arguments: object) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            proxy = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, http.client.HTTPException) as error:
            raise SupervisorGone(f"supervisord does not answer: {error}") from error
        finally:
            transport.close()


def _own_folder(home: Home) -> Path:
    """A new folder with a short path for the socket of `home`; that of a killed run is removed."""
    name = hashlib.sha256(os.fsencode(home.root)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"joldama-{os.getuid()}-{name}"
    shutil.rmtree(folder, ignore_errors=True)  # it removes no link, and nothing behind one
    return make_private(folder)
