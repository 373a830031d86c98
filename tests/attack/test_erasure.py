"""Erasure on a running network: every file and topic is searched, and what was copied before does not open."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx2
import pytest

from services.intake.adapters.aes_vault import AesVault, Unreadable
from services.intake.domain.keys import Purpose
from services.intake.settings import IntakeSettings
from services.kit.settings import CHECKOUT
from services.local.issuer import intake_keys
from tests.network.test_private import _events, _redis
from tests.support.children import submissions
from tests.support.eventually import eventually
from tests.support.leak_scan import find_leaks
from tests.support.network import RunningNetwork

ORG = "p-erasing"


class Sealed(NamedTuple):
    """What an attacker copied from the database before the erasure."""

    sealed: bytes
    wrapped: bytes
    iin_index: bytes


def query(country: RunningNetwork, sql: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(f"file:{country.home.sql / 'intake.sqlite3'}?mode=ro", uri=True)) as database:
        return database.execute(sql, values).fetchall()


def joldama(country: RunningNetwork, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"JOLDAMA_HOME": str(country.home.root), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "services.cli.main", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)


def every_file(country: RunningNetwork) -> dict[str, bytes]:
    """All files of the network: databases with their logs, Kafka's log segments, Valkey's, and what processes wrote."""
    secrets = country.home.secrets
    files = (path for path in country.home.root.rglob("*") if path.is_file() and secrets not in path.parents)
    return {str(path): path.read_bytes().rstrip(b"\0") for path in files}  # Kafka reserves megabytes of zeros


def open_with_all_keys(country: RunningNetwork, child_id: UUID, referral_id: UUID, copied: Sealed) -> None:
    """Try to open the copied bytes with every key that is configured, as a service would with the row of now."""
    variables: dict[str, Any] = {
        name.removeprefix("JOLDAMA_").lower(): f"@{file}" for name, file in intake_keys(country.home).items()
    }
    needed = {"kafka_servers": "k", "intake_sql_url": "sqlite://", "referral_url": "http://r", "mode": "local"}
    vault = AesVault(IntakeSettings(**needed | variables).keys)
    rows = query(country, "SELECT key_version, wrapped FROM child_key WHERE child_id = ?", child_id.hex)
    keys = [vault.key_of(child_id, *row) for row in rows]
    for key in [*keys, vault.key_of(child_id, None, None), vault.new_key(child_id)]:
        key.open(Purpose.SUBMISSION, referral_id, copied.sealed)


class Submitted(NamedTuple):
    """A child with a name that nobody else has: its body as submitted, and its ids."""

    body: dict[str, Any]
    child_id: UUID
    referral_id: UUID

    @property
    def secrets(self) -> list[str]:
        child, guardian = self.body["child"], self.body["guardian"]
        return [
            child["full_name"], guardian["full_name"], child["iin"], NOTE, guardian["phone"], CORRECTED,
            guardian["phone"].removeprefix("+"),
        ]  # fmt: skip


NOTE, CORRECTED = "Өшірілетін Жазба", "+77784561238"


async def submit(http: httpx2.AsyncClient) -> Submitted:
    """Submit a child, correct its guardian's phone, read it, and write a note about it."""
    body = next(one for one in submissions(40, seed=4242) if "iin" in one["child"])
    body["child"]["full_name"], body["guardian"]["full_name"] = "Өшірілетін Бала Сынақов", "Өшірілетін Ана Сынақова"
    body["guardian"]["phone"] = "+77784561237"
    receipt = (await http.post("/v1/diagnoses", json=body, headers={"Idempotency-Key": "erase-me"})).json()
    one = Submitted(body, UUID(receipt["child_id"]), UUID(receipt["referral_id"]))
    patch = {"guardian": {"phone": CORRECTED}}
    assert (await http.patch(f"/v1/children/{one.child_id}", json=patch)).status_code == 200
    assert (await http.get(f"/v1/children/{one.child_id}")).status_code == 200

    async def noted() -> bool:
        note = {"text": f"{NOTE} Сынақов is at home"}
        return (await http.post(f"/v1/diagnoses/{one.referral_id}/notes", json=note)).status_code == 201

    await eventually(noted, "a note is written")
    return one


async def copy_of(country: RunningNetwork, one: Submitted) -> Sealed:
    """What the database and the files have of the child now."""
    sql = (
        "SELECT sealed, wrapped, iin_index FROM diagnosis JOIN child USING (child_id) "
        "JOIN child_key USING (child_id) WHERE child_id = ?"
    )
    copied = Sealed(*query(country, sql, one.child_id.hex)[0])
    in_files = b"".join((await asyncio.to_thread(every_file, country)).values())
    assert all(part in in_files for part in copied), "the search finds what is there"
    return copied


async def erase(country: RunningNetwork, one: Submitted) -> None:
    """Erase the child, which is refused until its referral is cancelled."""
    refused = await asyncio.to_thread(joldama, country, "erase", str(one.child_id), "--yes")
    assert (refused.returncode, "cancel it first" in refused.stderr) == (1, True), refused.stderr

    async def cancelled() -> bool:
        cancel = ("cancel", str(one.referral_id), "--reason", "family_withdrew")
        done = await asyncio.to_thread(joldama, country, *cancel)
        return done.returncode in (0, 1) and "not_found" not in done.stderr

    async def erased() -> bool:
        done = await asyncio.to_thread(joldama, country, "erase", str(one.child_id), "--yes")
        return done.returncode == 0

    await eventually(cancelled, "the referral is cancelled", within=30)
    await eventually(erased, "intake knows that the referral is closed, and erases", within=30)


async def search(country: RunningNetwork, one: Submitted, copied: Sealed) -> None:
    """No file and no topic has anything of the child."""
    files = await asyncio.to_thread(every_file, country)
    sources = files | {"topics": await _events(country), "redis": await _redis(country)}
    assert any(Path(path).suffix == ".log" and "kafka" in path.lower() for path in files), "Kafka's segments are read"
    assert find_leaks(sources, one.secrets) == []
    for name, content in files.items():
        if "intake" in Path(name).name:
            assert copied.wrapped not in content, name
            assert copied.iin_index not in content, name
            assert copied.sealed not in content, name


@pytest.mark.timeout(300)
async def test_an_erased_child_is_nowhere_and_nothing_brings_it_back(country: RunningNetwork) -> None:
    headers = country.headers("polyclinic", ORG)
    async with httpx2.AsyncClient(base_url=country.url("intake"), headers=headers, timeout=20) as http:
        one = await submit(http)
        copied = await copy_of(country, one)
        await erase(country, one)
        assert (await http.get(f"/v1/children/{one.child_id}")).status_code == 404
        with pytest.raises(Unreadable):
            open_with_all_keys(country, one.child_id, one.referral_id, copied)
        await search(country, one, copied)
        again = await http.post("/v1/diagnoses", json=one.body, headers={"Idempotency-Key": "erase-me"})
        assert again.status_code == 201
        assert (again.json()["child_id"], again.headers.get("Idempotency-Replayed")) != (str(one.child_id), "true")
        assert again.json()["child_id"] != str(one.child_id)


async def test_the_statistics_are_whole_after_it(country: RunningNetwork) -> None:
    [(count, sealed)] = query(
        country, "SELECT count(*), max(length(sealed)) FROM diagnosis JOIN child USING (child_id) WHERE erased_at > 0"
    )
    assert (count, sealed) == (1, 0)
    [(referral_id,)] = query(
        country, "SELECT referral_id FROM diagnosis JOIN child USING (child_id) WHERE erased_at > 0"
    )
    async with httpx2.AsyncClient(base_url=country.url("referral"), headers=country.headers("operator")) as http:
        story = (await http.get(f"/v1/referrals/{UUID(referral_id)}")).json()
    assert (story["state"], story["polyclinic_id"]) == ("cancelled", ORG)
