"""What the result of a job depends on, in one line: a start whose stamps are unchanged need not wait for the jobs."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from services.local.home import write_private
from services.local.jars import CHECKOUT
from services.local.jobs import Job
from services.local.kafka import Kafka


class Stamps:
    """The stamps that the jobs had when they last ended well."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._kept: dict[str, str] = json.loads(file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            self._kept = {}

    def due(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs that must end before the services start."""
        return [job for job in jobs if not job.stamp() or job.stamp() != self._kept.get(job.name)]

    def keep(self, jobs: Sequence[Job]) -> None:
        """Remember that `jobs` have ended well."""
        write_private(self._file, json.dumps({job.name: job.stamp() for job in jobs}))


def migration_stamp(service: str, url: str) -> str:
    """The migrations of `service` and the SQLite file that `url` names; empty for any other database."""
    file = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or not file.exists():
        return ""
    history = sorted((CHECKOUT / "deploy" / "migrations" / service).rglob("*.py"))
    return f"{_sum(history)} {file} {file.stat().st_ino}"


def topics_stamp(kafka: Kafka | None) -> str:
    """The topics' settings and the cluster; empty when Kafka is not our own."""
    if kafka is None or not (cluster := kafka.cluster_id):
        return ""
    prefix = os.environ.get("JOLDAMA_TOPIC_PREFIX", "")
    return f"{_sum([CHECKOUT / 'deploy' / 'topics.toml'])} {cluster} {prefix}"


def _sum(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
