"""Jobs: commands that run to their end at a start, migrations and topics. A start waits only for those that are due."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.local.jars import CHECKOUT
from services.local.private import open_private


@dataclass(frozen=True, slots=True)
class Job:
    """A command that runs to its end before the services start, unless it has done so in this home."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    needs_kafka: bool = False
    stamp: Callable[[], str] = str
    """A digest of all that the job's result depends on; empty when that is unknown. See stamps.py."""


class JobFailed(RuntimeError):
    """A job ended with an error; the message shows the end of its log."""


class Jobs:
    """Jobs that run at the same time, each with a log of its own."""

    def __init__(self, jobs: Sequence[Job], environment: Mapping[str, str], logs: Path) -> None:
        self._logs = logs
        self._running = {job.name: self._begin(job, environment) for job in jobs}

    def _begin(self, job: Job, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with open_private(self._logs / f"{job.name}.log", "ab") as log:
            return subprocess.Popen(  # noqa: S603
                job.command,
                env={**environment, **job.environment},
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
            )

    def end(self) -> None:
        """End those that still run."""
        for process in self._running.values():
            process.terminate()
            process.wait()

    def finish(self, seconds: float) -> None:
        """Wait for all, up to `seconds` for each. Raises JobFailed."""
        for name, process in self._running.items():
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                raise JobFailed(f"{name} has not ended within {seconds:g} s. {log_end(self._logs, name)}") from None
            if code:
                raise JobFailed(f"{name} ended with {code}. {log_end(self._logs, name)}")


def log_end(logs: Path, name: str, lines: int = 8, width: int = 400) -> str:
    """The path of a part's log and its last lines, each cut to its last `width` characters."""
    log = logs / f"{name}.log"
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            tail = file.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return f"It wrote no log ({log})."
    return "\n".join([f"Its log {log} ends:", *(f"    {line[-width:]}" for line in tail)])
