"""Watching a running network: reports the parts that died, which supervisord starts again."""

import threading
import time

from services.local.issuer import renew_process_tokens
from services.local.jars import Say
from services.local.jobs import log_end
from services.local.network import Network
from services.local.supervision import Running, SupervisorGone

DAY = 86_400.0


class Watch:
    """Compares the running processes with those of the last look, and reports the changes to `say`."""

    def __init__(self, network: Network, say: Say) -> None:
        self._network, self._say = network, say
        self._pids: dict[str, int] = {}
        self._down: set[str] = set()
        self.look()

    def run(self, stopped: threading.Event, every: float = 1.0) -> None:
        """Look each `every` seconds until `stopped`; the tokens of processes are renewed daily."""
        renewed = time.monotonic()
        while not stopped.wait(every):
            self.look()
            if time.monotonic() - renewed > DAY:
                renew_process_tokens(self._network.home)
                renewed = time.monotonic()

    def look(self) -> None:
        """Report each change since the last look. When supervisord was killed, start everything again."""
        try:
            running = self._network.supervisor.running()
        except SupervisorGone:
            if self._network.supervisor.alive:
                return  # busy; the next look will tell
            self._say("supervisord died: starting every part again ...")
            self._network.restart()
            self._say("every part is running again")
            running = self._network.supervisor.running()
            self._pids.clear()
        for part in running.values():
            self._compare(part)

    def _compare(self, part: Running) -> None:
        before = self._pids.get(part.name, 0)
        if part.pid and part.pid != before:
            if before:
                self._say(f"{part.name} died and was started again (process {before}, now {part.pid})")
            self._pids[part.name] = part.pid
        if part.state == "RUNNING":
            self._down.discard(part.name)
        elif part.state != "STARTING" and part.name not in self._down:
            self._down.add(part.name)
            end = log_end(self._network.home.logs, part.name)
            self._say(f"{part.name} is down ({part.state.lower()}) and is being started again. {end}")
