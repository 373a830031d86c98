"""The audit log: every change that its owner can make in the database's files is found."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from services.kit.audit import TRAIL, Actor, Entry, Trail
from services.kit.errors import TransientError
from services.kit.sql.append_only import only_inserts
from services.kit.sql.audit_heads import HeadExporter, read_heads
from services.kit.sql.audit_log import AuditLog, AuditWriter, Chain, Fault, Finding, Head, audit_log_table
from services.kit.sql.database import Database

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
NURSE = Actor("nurse-7", "polyclinic", "p1", "treatment", "10.0.0.7")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    metadata = MetaData()
    rows = audit_log_table(metadata, "child_id")
    database = Database(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        for statement in only_inserts("sqlite", rows.name):
            connection.exec_driver_sql(statement)
    database.audit = AuditLog(rows, Chain([KEY])).add
    yield database
    await database.close()


@pytest.fixture
def log() -> AuditLog:
    return AuditLog(audit_log_table(MetaData(), "child_id"), Chain([KEY]))


@pytest.fixture
def file(database: Database) -> Iterator[sqlite3.Connection]:
    """The database as whoever has its file sees it: no trigger is in the way once it is dropped."""
    with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        yield connection


def entry(number: int) -> Entry:
    return Entry(NURSE, "read_child", "", {"child_id": f"child-{number}"}, {"n": number})


async def fill(database: Database, log: AuditLog, count: int = 10) -> None:
    await database.write(lambda session: log.add(session, [entry(one) for one in range(1, count + 1)]))


async def findings(database: Database, log: AuditLog, *heads: Head, limit: int = 100) -> list[tuple[int, Fault]]:
    after, found = 0, list[Finding]()
    while True:
        checked = await database.read(partial(log.check, after=after, limit=limit, heads=heads))
        found += checked.findings
        if not checked.more:
            return [(one.sequence, one.fault) for one in found]
        after = checked.last


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_a_log_as_it_was_written_has_no_finding_whatever_the_page(
    database: Database, log: AuditLog, limit: int
) -> None:
    await fill(database, log)
    await fill(database, log)
    head = await database.read(log.head)
    assert head.sequence == 20
    assert await findings(database, log, head, limit=limit) == []


WITHOUT_TRIGGERS = [
    "DROP TRIGGER audit_log_in_order", "DROP TRIGGER audit_log_no_update", "DROP TRIGGER audit_log_no_delete",
]  # fmt: skip
_ALL = "sequence, at, person, role, org, act, refused, purpose, address, child_id, detail, key, hash"


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["UPDATE audit_log SET person = 'nobody' WHERE sequence = 4"], [(4, Fault.CHANGED)]),
        (["UPDATE audit_log SET at = at + 1 WHERE sequence = 1"], [(1, Fault.CHANGED)]),
        (["UPDATE audit_log SET child_id = NULL WHERE sequence = 10"], [(10, Fault.CHANGED)]),
        (["UPDATE audit_log SET detail = x'ff' WHERE sequence = 3"], [(3, Fault.CHANGED)]),
        (["UPDATE audit_log SET hash = zeroblob(32) WHERE sequence = 3"], [(3, Fault.CHANGED), (4, Fault.CHANGED)]),
        (["UPDATE audit_log SET key = 'other' WHERE sequence = 3"], [(3, Fault.CHANGED)]),
        (["DELETE FROM audit_log WHERE sequence = 5"], [(6, Fault.MISSING)]),
        (["DELETE FROM audit_log WHERE sequence < 4"], [(4, Fault.MISSING)]),
        (
            [
                "DELETE FROM audit_log WHERE sequence = 5",
                "UPDATE audit_log SET sequence = sequence - 1 WHERE sequence > 5",
            ],
            [(one, Fault.CHANGED) for one in range(5, 10)],
        ),
        (
            [
                "UPDATE audit_log SET sequence = 99 WHERE sequence = 5",
                "UPDATE audit_log SET sequence = 5 WHERE sequence = 6",
                "UPDATE audit_log SET sequence = 6 WHERE sequence = 99",
            ],
            [(5, Fault.CHANGED), (6, Fault.CHANGED), (7, Fault.CHANGED)],
        ),
        ([f"INSERT INTO audit_log SELECT 11, {_ALL[10:]} FROM audit_log WHERE sequence = 10"], [(11, Fault.CHANGED)]),
        (
            [f"INSERT OR REPLACE INTO audit_log SELECT 2, {_ALL[10:]} FROM audit_log WHERE sequence = 9"],
            [(2, Fault.CHANGED), (3, Fault.CHANGED)],
        ),
        (["DELETE FROM audit_log WHERE sequence > 7"], [(10, Fault.CUT_OFF)]),
        (["DELETE FROM audit_log"], [(10, Fault.CUT_OFF)]),
    ],
)  # fmt: skip
async def test_what_the_files_owner_does_is_found(
    database: Database, log: AuditLog, file: sqlite3.Connection, statements: list[str], found: list[tuple[int, Fault]]
) -> None:
    await fill(database, log)
    head = await database.read(log.head)
    for statement in (*WITHOUT_TRIGGERS, *statements):
        file.execute(statement)
    seen = await findings(database, log, head)
    assert seen[: len(found)] == found
    assert all(fault in (Fault.CHANGED, Fault.OTHER_HEAD, Fault.CUT_OFF) for _, fault in seen[len(found) :])
    for limit in (1, 3):
        assert {one[0] for one in await findings(database, log, head, limit=limit)} == {one[0] for one in seen}


async def test_a_cut_end_that_has_grown_again_is_found_by_the_head(
    database: Database, log: AuditLog, file: sqlite3.Connection
) -> None:
    await fill(database, log)
    head = await database.read(log.head)
    for statement in (*WITHOUT_TRIGGERS, "DELETE FROM audit_log WHERE sequence > 5"):
        file.execute(statement)
    await fill(database, log)
    assert await findings(database, log) == [], "the chain alone cannot know"
    assert await findings(database, log, head) == [(10, Fault.OTHER_HEAD)]


async def test_a_chain_by_another_key_is_no_chain(database: Database, log: AuditLog) -> None:
    await fill(database, log, 3)
    forger = AuditLog(log.rows, Chain([OTHER]))
    await fill(database, forger, 1)
    assert await findings(database, log) == [(4, Fault.CHANGED)]
    rotated = AuditLog(log.rows, Chain([OTHER, KEY]))
    assert await findings(database, rotated) == [], "older entries are checked by the key that they name"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET person = 'x'",
        "DELETE FROM audit_log",
        f"INSERT OR REPLACE INTO audit_log SELECT {_ALL} FROM audit_log WHERE sequence = 4",
        f"REPLACE INTO audit_log SELECT 4, {_ALL[10:]} FROM audit_log WHERE sequence = 9",
        f"INSERT INTO audit_log SELECT 12, {_ALL[10:]} FROM audit_log WHERE sequence = 9",
        f"INSERT INTO audit_log SELECT 4, {_ALL[10:]} FROM audit_log WHERE sequence = 9 "
        "ON CONFLICT (sequence) DO UPDATE SET person = 'x'",
        "UPDATE OR REPLACE audit_log SET sequence = 3 WHERE sequence = 4",
    ],
)
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
async def test_the_triggers_refuse_it_in_any_connection(
    database: Database, log: AuditLog, file: sqlite3.Connection, statement: str, recursive: str
) -> None:
    await fill(database, log)
    file.execute(f"PRAGMA recursive_triggers = {recursive}")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        file.execute(statement)
    assert await findings(database, log) == []


async def test_entries_at_the_same_time_share_transactions_and_have_no_gap(database: Database, log: AuditLog) -> None:
    writers = [AuditWriter(database, log) for _ in range(3)]
    await asyncio.gather(*(writers[one % 3].record(entry(one)) for one in range(300)))
    assert (await database.read(log.head)).sequence == 300
    assert await findings(database, log) == []


async def test_whoever_waits_for_an_entry_hears_that_it_failed(database: Database, log: AuditLog) -> None:
    def broken(_: object) -> None:
        raise TransientError("database: away")

    failing = AuditWriter(database, log)
    database.transaction = broken  # type: ignore[assignment]
    with pytest.raises(TransientError):
        await failing.record(entry(1))


async def test_the_entry_of_a_request_is_in_the_first_transaction_that_it_commits(
    database: Database, log: AuditLog
) -> None:
    trail = Trail("accept", lambda: NURSE, {"child_id": "c"})

    def fails(_: object) -> None:
        raise ValueError("rolled back")

    before = TRAIL.set(trail)
    try:
        with pytest.raises(ValueError, match="rolled back"):
            await database.write(fails)
        assert not trail.recorded
        for _ in range(2):
            await database.write(lambda _: None)
    finally:
        TRAIL.reset(before)
    rows = await database.read(lambda session: log.about(session, ["c"], 0, 10))
    assert [(one["act"], one["person"], one["child_id"]) for one in rows] == [("accept", "nurse-7", "c")]


async def test_heads_are_added_to_the_file_and_a_lost_end_turns_readiness_red(
    database: Database, log: AuditLog, file: sqlite3.Connection, tmp_path: Path
) -> None:
    heads = tmp_path / "heads"
    exporter = HeadExporter(database, log, heads)
    await exporter.export()
    assert not heads.exists(), "nothing is exported of nothing"
    for _ in range(3):
        await fill(database, log)
        await exporter.export()
        await exporter.export()
    assert [one.sequence for one in read_heads(heads)] == [10, 20, 30]
    assert heads.stat().st_mode & 0o777 == 0o600
    await exporter.check()
    for statement in (*WITHOUT_TRIGGERS, "DELETE FROM audit_log WHERE sequence > 25"):
        file.execute(statement)
    for one in (exporter, again := HeadExporter(database, log, heads)):
        await one.export()
        with pytest.raises(RuntimeError, match="cut_off at 30"):
            await one.check()
    assert again is not exporter
    assert await findings(database, log, *read_heads(heads)) == [(30, Fault.CUT_OFF)]


async def test_heads_are_not_written_through_a_link(database: Database, log: AuditLog, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "heads"
    target.write_text("")
    link.symlink_to(target)
    await fill(database, log)
    with pytest.raises(OSError, match="symbolic links"):
        await HeadExporter(database, log, link).export()
    assert target.read_text() == ""


def test_a_line_of_the_heads_that_a_crash_has_cut_is_passed_over(tmp_path: Path) -> None:
    heads = tmp_path / "heads"
    heads.write_text('{"sequence":1,"hash":"ab"}\n{"sequence":2,"ha\n{"sequence":3,"hash":"cd"}\n')
    assert read_heads(heads) == [Head(1, "ab"), Head(3, "cd")]
    assert read_heads(heads, after=1, last=2) == read_heads(None) == read_heads(tmp_path / "none") == []
