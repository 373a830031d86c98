"""One local network: started in order, watched, and stopped without leaving a process."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from typing import Self

from services.local import orphans
from services.local.home import MARK, Home
from services.local.issuer import make_secrets
from services.local.jars import Say
from services.local.jobs import Job, Jobs, log_end
from services.local.parts import APIS, SERVERS, SERVICES, Blueprint, Part, shared_environment
from services.local.plan import Plan, make_plan
from services.local.ports import Ports
from services.local.stamps import due_jobs, store_stamps
from services.local.supervision import Supervisor

LOOK_EVERY = 0.1
KEEPS_ENDING = 4
"""How many times a part may end while it is not ready, before waiting for it is given up."""


class NotReady(RuntimeError):
    """A part was not ready in time; the message names it and shows the end of its log."""


class Network:
    """A context manager: it holds the home's lock, and at its end no process of the network is left.

    Entering raises AlreadyRunning.
    """

    def __init__(
        self,
        home: Home,
        say: Say,
        blueprint: Blueprint | None = None,
        *,
        environment: Mapping[str, str] = os.environ,
        deadline: float = 180,
    ) -> None:
        self.home, self._say, self._deadline, self._environment = home, say, deadline, environment
        self._blueprint = blueprint or Blueprint()
        self.supervisor = Supervisor(home)
        self._exit = ExitStack()
        self._ports = Ports()
        self.plan: Plan | None = None
        self.parts: list[Part] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.home.held())
            self._end_orphans()
            stack.enter_context(self._ports)
            stack.callback(orphans.end_all, self.home)
            stack.callback(lambda: self.supervisor.stop())
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def start(self) -> Plan:
        """Start all parts and wait until each is ready. Raises NotReady, JobFailed, JarsRefused, PortTaken."""
        make_secrets(self.home)
        self.plan = plan = self.plan or make_plan(self.home, self._ports, self._environment)
        self.home.write(plan.as_file())
        servers = self._blueprint.servers(plan)
        self.parts = servers + self._blueprint.services(plan)
        environment = {**self._environment, **shared_environment(plan), MARK: str(self.home.root)}
        self.supervisor.launch(self.parts, environment)
        self._wait_for_supervisor()
        self._bring_up(servers, self._blueprint.jobs(plan), environment)
        return plan

    def _bring_up(self, servers: list[Part], jobs: list[Job], environment: Mapping[str, str]) -> None:
        stamps = self.home.root / "jobs.json"
        due = due_jobs(jobs, stamps)
        migrations = Jobs([job for job in due if not job.needs_kafka], environment, self.home.logs)
        self._start(SERVERS)
        migrations.finish(self._deadline)
        self._start(APIS)
        self.wait_ready(servers)
        topics, known = [job for job in jobs if job.needs_kafka], not any(job.needs_kafka for job in due)
        if not known:
            Jobs(topics, environment, self.home.logs).finish(self._deadline)
        self._start(SERVICES)
        self.wait_ready()
        store_stamps(jobs, stamps)
        if known:  # nobody waits for it: it repairs what somebody may have deleted by hand
            self._exit.callback(Jobs(topics, environment, self.home.logs).end)

    def pid(self, part: str) -> int:
        """The part's process; 0 while it does not run."""
        return self.supervisor.running()[part].pid

    def restart(self) -> None:
        """Start anew after supervisord itself was killed."""
        self.supervisor.stop()
        self._end_orphans()
        self.supervisor = Supervisor(self.home)
        self.start()

    def _end_orphans(self) -> None:
        if left := orphans.end_all(self.home):
            self._say(f"Ended {left} processes that an earlier run had left behind.")

    def _start(self, group: str) -> None:
        if any(part.group == group for part in self.parts):
            self.supervisor.start_group(group)

    def wait_ready(self, parts: Sequence[Part] | None = None) -> None:
        """Wait until each of `parts` (default: all) is ready. Raises NotReady, which names those that are not."""
        waiting = list(self.parts if parts is None else parts)
        give_up = time.monotonic() + self._deadline
        seen: dict[str, set[int]] = {part.name: set() for part in waiting}
        for look in count():
            if not (waiting := [part for part in waiting if not part.is_ready()]):
                return
            if look % 10 == 0:
                for name, running in self.supervisor.running().items():
                    seen.setdefault(name, set()).update({running.pid} - {0})
            lost = [part for part in waiting if len(seen[part.name]) >= KEEPS_ENDING]
            if lost or time.monotonic() > give_up:
                raise NotReady("\n".join(self._excuse(part.name, seen[part.name]) for part in lost or waiting))
            time.sleep(LOOK_EVERY)

    def _excuse(self, name: str, pids: set[int]) -> str:
        tried = f" (started {len(pids)} times)" if len(pids) > 1 else ""
        return f"{name} is not ready{tried}. {log_end(self.home.logs, name)}"

    def _wait_for_supervisor(self) -> None:
        give_up = time.monotonic() + self._deadline
        while not self.supervisor.answers:
            if time.monotonic() > give_up or not self.supervisor.alive:
                raise NotReady(f"supervisord does not start: see {self.home.logs}/supervisord.err and supervisord.log")
            time.sleep(LOOK_EVERY)
