"""Keys on a running network: another one is noticed before a child is taken twice, and a rotation loses nothing."""

import asyncio
import base64
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx2
import pytest

from services.kit.settings import CHECKOUT
from services.local.issuer import intake_keys
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork


async def _checks(country: RunningNetwork) -> dict[str, str]:
    """The checks of intake's readiness; empty while it does not answer."""
    async with httpx2.AsyncClient(base_url=country.inside("intake")) as http:
        try:
            checks: dict[str, str] = (await http.get("/readyz")).json()["checks"]
        except httpx2.TransportError:
            return {}
    return checks


@contextmanager
def another_key(country: RunningNetwork, variable: str) -> Iterator[None]:
    """Intake restarted under another key of that kind; under the right one again at the end."""
    file = intake_keys(country.home)[variable]
    right = file.read_text()
    try:
        file.write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}")
        country.wait_for_new_process("intake", country.kill("intake"))
        yield
    finally:
        file.write_text(right)
        country.wait_restarted("intake", country.kill("intake"))


@pytest.mark.parametrize("kind", ["DATA", "INDEX", "PSEUDONYM"])
async def test_under_another_key_intake_is_not_ready_and_takes_nobody_again(country: RunningNetwork, kind: str) -> None:
    [body], variable = submissions(1, seed=900 + len(kind)), f"JOLDAMA_INTAKE_{kind}_KEYS"
    headers = country.headers("polyclinic", "p-keys")
    async with httpx2.AsyncClient(base_url=country.url("intake"), headers=headers, timeout=20) as http:
        receipt = (await http.post("/v1/diagnoses", json=body)).json()
        path = f"/v1/diagnoses/{receipt['referral_id']}"
        with another_key(country, variable):
            checks = await eventually(lambda: _checks(country), "intake answers", within=30)
            assert f"{variable}: version 1" in checks["keys"]
            assert (await http.post("/v1/diagnoses", json=body)).status_code == 503
            assert (await http.get(path)).status_code == 503
        assert (await http.post("/v1/diagnoses", json=body)).status_code == 409
        assert (await http.get(path)).status_code == 200


def rotate(country: RunningNetwork) -> dict[str, Any]:
    """`joldama keys rotate`, to its end."""
    command = [sys.executable, "-m", "services.cli.main", "keys", "rotate", "--json"]
    environment = {**os.environ, "JOLDAMA_HOME": str(country.home.root)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def renewed(country: RunningNetwork, version: int) -> tuple[int, int]:
    """How many children's keys are wrapped by the data key of that version, and how many there are."""
    with closing(sqlite3.connect(f"file:{country.home.sql / 'intake.sqlite3'}?mode=ro", uri=True)) as database:
        query = "SELECT sum(key_version = ?), count(*) FROM child_key"
        by_it, every = database.execute(query, (version,)).fetchone()
    return by_it, every


def add_newer_keys(country: RunningNetwork) -> None:
    """A second key of each kind before the first, and intake restarted with them."""
    for file in intake_keys(country.home).values():
        file.write_text(f"2:{base64.b64encode(os.urandom(32)).decode()},{file.read_text()}")
    country.wait_restarted("intake", country.kill("intake"))


@pytest.mark.timeout(300)
async def test_a_rotation_under_load_and_kill_9_loses_nothing(country: RunningNetwork) -> None:
    bodies = submissions(800, seed=77)
    ids = await submit_all(country, bodies[:500])
    await asyncio.to_thread(add_newer_keys, country)
    load = asyncio.create_task(submit_all(country, bodies[500:], clients=2))
    rotation = asyncio.create_task(asyncio.to_thread(rotate, country))

    def is_midway() -> bool:
        by_new, every = renewed(country, 2)
        return 100 <= by_new < every

    await eventually(is_midway, "the rotation is midway", within=60)
    killed = await asyncio.to_thread(country.kill, "intake")
    by_new, every = renewed(country, 2)
    assert 0 < by_new < every, "killed in the middle"
    await asyncio.to_thread(country.wait_restarted, "intake", killed)
    ids += await load
    assert (await rotation)["left"] == 0
    assert (await asyncio.to_thread(rotate, country))["left"] == 0
    assert renewed(country, 2) == (every := renewed(country, 2)[1], every)

    headers = country.headers("polyclinic", POLYCLINIC)
    async with httpx2.AsyncClient(base_url=country.url("intake"), headers=headers, timeout=20) as http:
        for referral_id, body in zip(ids, bodies, strict=True):
            read = await http.get(f"/v1/diagnoses/{referral_id}")
            assert (read.status_code, read.json()["guardian"]) == (200, body["guardian"])
            again = await http.post("/v1/diagnoses", json=body)
            assert again.status_code == 409, "taken twice"
