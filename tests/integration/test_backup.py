"""Backup under load, and restore into an empty stack, as docs/operations.md says: the record first, then intake."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

from services.local.parts import Blueprint
from services.local.ports import LOOPBACK
from tests.support import record_queries
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork, running_network
from tests.support.one_center import CENTER, register_center
from tests.support.postgres import Postgres, installed, running_postgres
from tests.support.reconciliation import agree, audit

pytestmark = pytest.mark.timeout(300)

SERVICES = ("referral", "intake")
"""In the order of a backup: intake then has every child of whom the record knows."""
CHILDREN, ADMITTED = 80, 5
"""More than the one center's 50 places."""


class Store(Protocol):
    """Where two networks have their databases, one after the other."""

    def addresses(self) -> dict[str, str]: ...
    def blueprint(self) -> Blueprint: ...
    def back_up(self, old: RunningNetwork, folder: Path) -> None: ...
    def restore(self, folder: Path, home: Path) -> None: ...


class Sqlite:
    """Files in a network's home."""

    def addresses(self) -> dict[str, str]:
        return {}

    def blueprint(self) -> Blueprint:
        return Blueprint()

    def back_up(self, old: RunningNetwork, folder: Path) -> None:
        for name in SERVICES:
            with closing(sqlite3.connect(old.home.sql / f"{name}.sqlite3")) as database:
                database.execute("VACUUM INTO ?", (str(folder / f"{name}.sqlite3"),))

    def restore(self, folder: Path, home: Path) -> None:
        (home / "sql").mkdir(mode=0o700)
        for name in SERVICES:
            shutil.copy(folder / f"{name}.sqlite3", home / "sql")


class PostgresServers:
    """Two servers with the roles of a country: the serving ones, and the owners, who migrate."""

    def __init__(self, old: Postgres, new: Postgres) -> None:
        self._servers = [new, old]
        for server in self._servers:
            server.make_service_databases()
        self._now = self._servers.pop()

    def addresses(self) -> dict[str, str]:
        return self._now.service_urls()

    def blueprint(self) -> Blueprint:
        return Blueprint(jobs=self._now.jobs)

    def back_up(self, old: RunningNetwork, folder: Path) -> None:
        for name in SERVICES:
            self._run("pg_dump", "--format=custom", "--file", str(folder / name), "--dbname", name)

    def restore(self, folder: Path, home: Path) -> None:
        self._now = self._servers.pop()
        for name in SERVICES:
            self._run("pg_restore", "--exit-on-error", "--single-transaction", "--dbname", name, str(folder / name))

    def _run(self, *command: str) -> None:
        program, *rest = command
        where = ["--host", LOOPBACK, "--port", str(self._now.port), "--username", "tests"]
        subprocess.run([program, *where, *rest], check=True)


@pytest.fixture(params=[Sqlite, pytest.param(PostgresServers, marks=pytest.mark.stack)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param is Sqlite:
        if "JOLDAMA_TEST_SQL" in os.environ:
            pytest.skip("make test has it on SQLite")
        yield Sqlite()
        return
    if not installed():
        pytest.skip("no PostgreSQL here: make test-stack installs one")
    with ExitStack() as stack:
        yield PostgresServers(*(stack.enter_context(running_postgres()) for _ in range(2)))


async def test_a_backup_taken_under_load_makes_an_empty_stack_whole(store: Store, tmp_path: Path) -> None:
    bodies = [one | {"modalities": ["inpatient"], "max_distance_km": None} for one in submissions(CHILDREN, seed=12)]
    backup = tmp_path / "backup"
    backup.mkdir()
    with running_network(tmp_path / "old", store.blueprint(), **store.addresses()) as old:
        register_center(old.url("referral"), old.token("operator"))
        before = await submit_all(old, bodies[: CHILDREN // 2])
        known = await eventually(lambda: _routed(old, before), "the first are routed", within=60)
        admitted = await _admit(old, [one for one in before if known[one].state == "offered"][:ADMITTED])
        submitting = asyncio.create_task(submit_all(old, bodies[CHILDREN // 2 :]))
        await asyncio.to_thread(store.back_up, old, backup)
        await submitting
    home = tmp_path / "new"
    home.mkdir(mode=0o700)
    shutil.copytree(tmp_path / "old" / "secrets", home / "secrets")  # the keys, which are kept apart
    store.restore(backup, home)
    with running_network(home, store.blueprint(), **store.addresses()) as new:
        await _assert_whole(new, before)
        found = record_queries.referrals(new)
        assert {found[one].state for one in admitted} == {"admitted"}, "a child in care keeps its place"
        await _assert_readable(new, before[0], bodies[0])
        again = await _submit_again(new, bodies)
        assert [code for code, _ in again[: len(before)]] == [409] * len(before), "who is known is not taken twice"
        assert [named for _, named in again[: len(before)]] == before
        assert {code for code, _ in again} <= {201, 409}, "who came after the backup is taken now"
        await _assert_whole(new, [named for _, named in again])


def _routed(network: RunningNetwork, ids: list[str]) -> dict[str, record_queries.RecordedReferral] | None:
    found = record_queries.referrals(network)
    return found if set(ids) <= {id for id, one in found.items() if one.state != "submitted"} else None


async def _admit(network: RunningNetwork, ids: list[str]) -> list[str]:
    headers = network.headers("center", CENTER)
    async with httpx2.AsyncClient(base_url=network.url("referral"), headers=headers, timeout=20) as center:
        for one in ids:
            for command in ("accept", "admit"):
                answer = await center.post(f"/v1/referrals/{one}/{command}")
                assert answer.is_success, answer.text
    return ids


async def _assert_whole(network: RunningNetwork, ids: list[str]) -> None:
    """Every child is routed, record and capacity agree, and the audit logs are as they were written."""
    await eventually(lambda: _routed(network, ids), "every child is routed", within=60)
    await eventually(lambda: record_queries.unacknowledged_events(network) == 0, "Kafka has every event", within=60)
    await eventually(lambda: record_queries.unrecorded_diagnoses(network) == 0, "each has a referral", within=60)
    await eventually(lambda: agree(network), "record and capacity agree", within=60)
    report = await audit(network)
    assert (report["differences"], report["unsettled"]) == ([], 0)
    for service in SERVICES:
        verified = await _get(network, service, "/v1/audit-log/verify", "operator")
        assert verified["findings"] == [], service
        assert verified["next"] is None, f"{service}: all entries are verified"


async def _assert_readable(network: RunningNetwork, id: str, body: dict[str, Any]) -> None:
    read = await _get(network, "intake", f"/v1/diagnoses/{id}", "polyclinic", POLYCLINIC)
    assert read["child"]["full_name"] == body["child"]["full_name"], "its key was restored, and is wrapped by ours"


async def _get(network: RunningNetwork, service: str, path: str, role: str, org: str = "") -> dict[str, Any]:
    headers = network.headers(role, org)
    async with httpx2.AsyncClient(base_url=network.url(service), headers=headers, timeout=60) as http:
        answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _submit_again(network: RunningNetwork, bodies: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """The status of each body's submission, and the referral that its answer names."""
    headers, answers = network.headers("polyclinic", POLYCLINIC), []
    async with httpx2.AsyncClient(base_url=network.url("intake"), headers=headers, timeout=20) as http:
        for body in bodies:
            answer = await http.post("/v1/diagnoses", json=body)
            answers.append((answer.status_code, str(answer.json()["referral_id"])))
    return answers
