"""Retention of the audit log: what is cut is said by an entry, and the rest is still proved."""

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from services.intake.adapters.history import HISTORY
from services.intake.adapters.tables import audit_log
from services.kit.audit import Actor, Entry
from services.kit.settings import CHECKOUT
from services.kit.sql import audit_cut
from services.kit.sql.append_only import owner_deletes
from services.kit.sql.audit_cut import Refused, cut_before
from services.kit.sql.audit_heads import HeadExporter, read_heads
from services.kit.sql.audit_log import CUT, AuditLog, Chain, Checked, Fault, Head
from services.kit.sql.audit_offline import check_database
from services.kit.sql.database import Database
from services.kit.sql.migrations import History
from services.referral.adapters.history import HISTORY as REFERRAL
from tests.support.terminal import run_joldama

KEY = bytes(range(32))
OLD = datetime(2020, 1, 1, tzinfo=UTC)
BETWEEN, NEW = OLD + timedelta(days=900), OLD + timedelta(days=1000)
LOG = AuditLog(audit_log, Chain([KEY]))


@pytest.fixture
async def database(migrated_database: Callable[[str, History], str]) -> AsyncIterator[Database]:
    database = Database(migrated_database("intake", HISTORY))
    yield database
    await database.close()


async def enter(database: Database, moment: datetime, count: int = 1) -> None:
    """Entries of then."""
    log = AuditLog(audit_log, Chain([KEY]), moment.timestamp)
    await database.write(lambda session: log.add(session, [Entry(Actor("nurse-7"), "read_child")] * count))


@pytest.fixture
async def filled(database: Database) -> Database:
    """Ten old entries and ten new ones."""
    for moment in (OLD, NEW):
        await enter(database, moment, 10)
    return database


def owner_does(database: Database, statement: str) -> None:
    """What the owner of the database can do by hand, past the triggers."""
    name = database.engine.dialect.name
    before, after = owner_deletes(name, "audit_log")
    with database.engine.begin() as connection:
        for one in (before, statement, after):
            connection.execute(text(one))


async def check(database: Database, *heads: Head, limit: int = 100) -> list[Checked]:
    pages, after = list[Checked](), 0
    while True:
        pages.append(await database.read(partial(LOG.check, after=after, limit=limit, heads=heads)))
        if not pages[-1].more:
            return pages
        after = pages[-1].last


async def numbers(database: Database) -> list[int]:
    return [one["sequence"] for one in await database.read(lambda session: LOG.about(session, [], 0, 100))]


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("batch", [4, 1000])
async def test_what_is_cut_is_an_entry_and_the_rest_is_still_verified(
    filled: Database, monkeypatch: pytest.MonkeyPatch, limit: int, batch: int
) -> None:
    monkeypatch.setattr(audit_cut, "BATCH", batch)
    heads = [Head(5, "00"), await filled.read(LOG.head)]
    assert cut_before(filled, LOG, BETWEEN) == 10
    last = 21 if batch == 1000 else 23
    assert await numbers(filled) == list(range(11, last + 1)), "each batch that is cut adds an entry"
    pages = await check(filled, *heads, limit=limit)
    assert [one for page in pages for one in page.findings] == [], "a head that was cut is no lost one"
    assert (pages[0].cut, sum(one.count for one in pages)) == (10, last - 10)
    rows = await filled.read(lambda session: LOG.about(session, [], 20, 1))
    assert (rows[0]["act"], rows[0]["role"], '"through":' in rows[0]["detail"]) == (CUT, "owner", True)
    assert cut_before(filled, LOG, BETWEEN) == 0, "nothing is due a second time, and nothing is entered"
    checked, _ = check_database(filled.url, [KEY], None)
    assert (checked.cut, checked.findings) == (10, ())


async def test_all_entries_may_be_cut_and_numbers_go_on(filled: Database, tmp_path: Path) -> None:
    exporter = HeadExporter(filled, LOG, tmp_path / "heads")
    await exporter.export()
    assert cut_before(filled, LOG, datetime.now(UTC)) == 20
    await filled.write(lambda session: LOG.add(session, [Entry(Actor("nurse-7"), "read_child")]))
    await exporter.export()
    await exporter.check()
    assert [one.sequence for one in read_heads(tmp_path / "heads")] == [20, 22]
    assert await numbers(filled) == [21, 22]
    assert cut_before(filled, LOG, datetime.now(UTC) + timedelta(days=1)) == 2, "an older cut's entry goes as others do"
    (page,) = await check(filled)
    assert (page.cut, page.findings) == (22, ())


@pytest.mark.parametrize("batch", [2, 1000])
async def test_an_entry_that_a_wrong_clock_dated_in_the_future_keeps_none_behind_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(audit_cut, "BATCH", batch)
    future = datetime.now(UTC) + timedelta(days=9000)
    for moment, count in ((OLD, 3), (future, 5), (OLD, 2), (future, 1), (NEW, 2), (OLD, 1)):
        await enter(database, moment, count)
    assert cut_before(database, LOG, BETWEEN) == 10, "what may be of after the last old one is kept, and all behind it"
    assert (await numbers(database))[:4] == [11, 12, 13, 14]
    assert [one for page in await check(database) for one in page.findings] == []


@pytest.mark.parametrize(
    ("statement", "number", "fault"),
    [
        ("DELETE FROM audit_log WHERE sequence = 11", 12, Fault.MISSING),
        ("DELETE FROM audit_log WHERE sequence < 15", 15, Fault.MISSING),
        ("DELETE FROM audit_log WHERE sequence = 21", 21, Fault.CUT_OFF),
    ],
)
async def test_what_is_removed_by_hand_beside_a_cut_is_found(
    filled: Database, statement: str, number: int, fault: Fault
) -> None:
    cut_before(filled, LOG, BETWEEN)
    head = await filled.read(LOG.head)
    owner_does(filled, statement)
    found = [(one.sequence, one.fault) for page in await check(filled, head) for one in page.findings]
    assert (number, fault) in found


async def test_an_entry_that_says_so_without_the_key_hides_no_cut(filled: Database) -> None:
    hash = (await filled.read(lambda session: LOG.about(session, [], 4, 1)))[0]["hash"]
    forger = AuditLog(audit_log, Chain([bytes(range(1, 33))]))
    detail = {"through": 5, "hash": bytes(hash).hex(), "count": 5}
    await filled.write(lambda session: forger.add(session, [Entry(Actor(role="owner"), CUT, detail=detail)]))
    owner_does(filled, "DELETE FROM audit_log WHERE sequence <= 5")
    found = [(one.sequence, one.fault) for page in await check(filled) for one in page.findings]
    assert found == [(21, Fault.CHANGED)]


@pytest.mark.parametrize("number", [1, 5, 10])
async def test_a_log_that_was_changed_is_not_cut_for_that_would_remove_the_proof(filled: Database, number: int) -> None:
    owner_does(filled, f"DELETE FROM audit_log WHERE sequence = {number}")
    with pytest.raises(Refused, match=f"(missing|changed) {number + 1}"):
        cut_before(filled, LOG, BETWEEN)
    assert len(await numbers(filled)) == 19, "nothing is removed, and nothing is entered"


async def test_the_log_refuses_changes_after_a_cut_as_before(filled: Database) -> None:
    cut_before(filled, LOG, BETWEEN)
    for statement in ("DELETE FROM audit_log", "UPDATE audit_log SET person = 'x'"):
        with pytest.raises(DBAPIError, match="append-only"), filled.engine.begin() as connection:
            connection.execute(text(statement))


@pytest.mark.parametrize("service", ["intake", "referral"])
def test_the_command_cuts_after_the_years_of_its_setting_and_verify_tells(
    migrated_database: Callable[[str, History], str], monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    history = {"intake": HISTORY, "referral": REFERRAL}[service]
    database = Database(migrated_database(service, history))
    for moment in (datetime.now(UTC) - timedelta(days=800), datetime.now(UTC) - timedelta(days=600)):
        log = AuditLog(audit_log, Chain([KEY]), moment.timestamp)
        with Session(database.engine) as session, session.begin():
            log.add(session, [Entry(Actor("nurse-7"), "read_child")] * 2)
    environment = {
        "JOLDAMA_MODE": "local", "JOLDAMA_KAFKA_SERVERS": "127.0.0.1:1", "JOLDAMA_REFERRAL_URL": "http://unused",
        "JOLDAMA_CAPACITY_URL": "http://unused", "JOLDAMA_INTAKE_URL": "http://unused",
        "JOLDAMA_AUDIT_KEY": b64encode(KEY).decode(),
        f"JOLDAMA_{service.upper()}_SQL_URL": database.url, "PATH": os.environ["PATH"],
    }  # fmt: skip

    def run(years: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", f"services.{service}.entrypoints.cut_audit_log"]
        own = environment | {"JOLDAMA_KEEP_AUDIT_YEARS": str(years)}
        return subprocess.run(command, cwd=CHECKOUT, env=own, capture_output=True, text=True)

    assert (run(0).returncode, run(5).stdout.partition(" of")[0]) == (1, f"{service}: 0 entries")
    done = run(2)
    assert (done.returncode, done.stdout.partition(" of")[0]) == (0, f"{service}: 2 entries"), done.stderr
    monkeypatch.setenv("JOLDAMA_AUDIT_KEY", environment["JOLDAMA_AUDIT_KEY"])
    verified = run_joldama("audit-log", "verify", "--database", database.url)
    assert verified.exit_code == 0, verified.output
    assert "3 entries after the 2 that were cut by their age are as they were written" in " ".join(
        verified.output.split()
    )
    owner_does(database, "DELETE FROM audit_log WHERE sequence = 3")
    refused = run(1)
    assert (refused.returncode, "nothing more is cut" in refused.stderr) == (1, True)
    database.engine.dispose()
