"""Stamps of jobs: while a job's stamp is the one of its last success, a start need not wait for the job."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from services.local.home import read_json
from services.local.jars import CHECKOUT
from services.local.jobs import Job
from services.local.kafka import Kafka
from services.local.passwords import ACLS
from services.local.private import write_private


def due_jobs(jobs: Sequence[Job], file: Path) -> list[Job]:
    """The jobs that must end before the services start, by the stamps in `file`."""
    stored = read_json(file)
    return [job for job in jobs if not job.stamp() or job.stamp() != stored.get(job.name)]


def store_stamps(jobs: Sequence[Job], file: Path) -> None:
    """Store that `jobs` have succeeded."""
    write_private(file, json.dumps({job.name: job.stamp() for job in jobs}))


def migration_stamp(service: str, url: str) -> str:
    """The migrations of `service` and the SQLite file that `url` names; empty for any other database."""
    file = Path(unquote(url.removeprefix("sqlite:///")))
    if not url.startswith("sqlite:///") or not file.exists():
        return ""
    history = sorted((CHECKOUT / "deploy" / "migrations" / service).rglob("*.py"))
    return f"{_sum(history)} {file} {file.stat().st_ino}"


def topics_stamp(kafka: Kafka | None, passwords: Mapping[str, str]) -> str:
    """The settings of topics, rights and users, and the cluster; empty when Kafka is not our own."""
    if kafka is None or not (cluster := kafka.cluster_id):
        return ""
    prefix = os.environ.get("JOLDAMA_TOPIC_PREFIX", "")
    users = hashlib.sha256(json.dumps(passwords, sort_keys=True).encode()).hexdigest()
    return f"{_sum([CHECKOUT / 'deploy' / 'topics.toml', ACLS])} {users} {cluster} {prefix}"


def _sum(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
