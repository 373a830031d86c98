"""The audit log in SQL: entries are only added, numbered without a gap, each with a keyed hash over it and the last.

Whoever owns the database's files can still change them; the hashes show it, and a head kept elsewhere shows a lost end.
"""

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table, Text, func, or_, select
from sqlalchemy.engine import Connection
from sqlmodel import Session

from services.kit.audit import DETAIL, Entry
from services.kit.errors import TransientError
from services.kit.persons import derive
from services.kit.sql.add_rows import add_rows
from services.kit.sql.database import Database

BEGINNING = bytes(32)
"""Stands before the first entry."""
TABLE = "audit_log"
CUT = "cut_audit_log"
"""The act of an entry that says through which number older entries were cut, and the hash of the last of them."""
_LOCK = 0x6A_6F_6C_41
"""Of PostgreSQL: entries are chained under it. It is taken last in a transaction, so it is held for the commit only."""


class Fault(StrEnum):
    """What is wrong with the log."""

    CHANGED = "changed"
    """An entry is not what was written, or stands elsewhere, or was written by somebody without the key."""
    MISSING = "missing"
    """Entries before this one are gone."""
    CUT_OFF = "cut_off"
    """An exported head names an entry after the last one."""
    OTHER_HEAD = "other_head"
    """The entry is not the one whose hash was exported."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault at the entry with this number."""

    sequence: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's number, and its hash in hexadecimal digits."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The entries from `first` to `last` were checked, `count` of them; `more` follow. Zeros without an entry.

    Before them those through number `cut` were cut by their age, as an entry says; 0: none.
    """

    first: int
    last: int
    count: int
    more: bool
    findings: tuple[Finding, ...]
    cut: int = 0


def audit_log_table(metadata: MetaData, *subjects: str) -> Table:
    """The table of one service's log, with a column of ids for each of its `subjects`."""
    return Table(
        TABLE,
        metadata,
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("at", BigInteger, nullable=False),
        Column("person", String(40), nullable=False),
        Column("role", String(20), nullable=False),
        Column("org", String(64), nullable=False),
        Column("act", String(40), nullable=False),
        Column("refused", String(40), nullable=False),
        Column("purpose", String(20), nullable=False),
        Column("address", String(45), nullable=False),
        *(Column(one, String(36), nullable=True, index=True) for one in subjects),
        Column("detail", Text, nullable=False),
        Column("key", String(8), nullable=False),
        Column("hash", LargeBinary, nullable=False),
    )


class Chain:
    """Hashes of entries, by the newest of `keys` (32 random bytes each); the others still check older entries."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        derived = [derive(one, "chain") for one in keys]
        self._keys = {derive(one, "id").hex()[:8]: one for one in derived}
        self.key = next(iter(self._keys))

    def hash(self, previous: bytes, row: Mapping[str, Any]) -> bytes:
        """Of a row without its hash, after the entry with the hash `previous`.

        Raises KeyError for a key that is not known, and TypeError for a value of another type.
        """
        written = orjson.dumps({str(name): value for name, value in row.items()}, option=orjson.OPT_SORT_KEYS)
        return hmac.digest(self._keys[row["key"]], previous + written, "sha256")

    def fits(self, previous: bytes | None, row: Mapping[str, Any], hash: object) -> bool:
        """Whether it is the row's hash."""
        try:
            return previous is not None and self.hash(previous, row) == hash
        except (KeyError, TypeError):
            return False


class AuditLog:
    """One service's log: `rows` is its table; `clock` is in epoch seconds."""

    def __init__(self, rows: Table, chain: Chain, clock: Callable[[], float] = time.time) -> None:
        self.rows, self._chain, self._clock = rows, chain, clock
        self.subjects = [one.name for one in rows.columns if one.index]
        self._lock = select(func.pg_advisory_xact_lock(_LOCK))
        self._last = select(rows.c.sequence, rows.c.hash).order_by(rows.c.sequence.desc()).limit(1)

    def add(self, session: Session, entries: Sequence[Entry]) -> None:
        """Add `entries` in the caller's transaction, as its last step: other writers wait for its end."""
        if not (rows := [self._row(one) for one in entries]):
            return
        connection = self.lock(session)
        last, previous = connection.execute(self._last).first() or (0, BEGINNING)
        now = int(self._clock() * 1000)
        for sequence, row in enumerate(rows, last + 1):
            row |= {"sequence": sequence, "at": now}
            row["hash"] = previous = self._chain.hash(previous, row)
        add_rows(session, self.rows, rows)

    def lock(self, session: Session) -> Connection:
        """Keep other writers from adding entries until the transaction's end."""
        connection = session.connection()
        if connection.dialect.name == "postgresql":  # SQLite has one writer
            connection.execute(self._lock)
        return connection

    def _row(self, entry: Entry) -> dict[str, Any]:
        detail = orjson.dumps(dict(entry.detail)).decode() if entry.detail else ""
        if len(detail) > DETAIL:
            detail = orjson.dumps({"characters": len(detail)}).decode()
        by = entry.by
        return {
            "person": by.person[:40], "role": by.role[:20], "org": by.org[:64], "act": entry.act[:40],
            "refused": entry.refused[:40], "purpose": by.purpose[:20], "address": by.address[:45],
            **{name: entry.about.get(name) for name in self.subjects}, "detail": detail, "key": self._chain.key,
        }  # fmt: skip

    def head(self, session: Session) -> Head:
        sequence, hash = session.execute(self._last).first() or (0, BEGINNING)
        return Head(sequence, hash.hex())

    def about(self, session: Session, ids: Sequence[str], after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Up to `limit` entries about any of `ids` (all entries when there are none) after number `after`, in order."""
        query = select(self.rows).where(self.rows.c.sequence > after).order_by(self.rows.c.sequence).limit(limit)
        if ids:
            query = query.where(or_(*(self.rows.c[name].in_(ids) for name in self.subjects)))
        return [dict(one) for one in session.execute(query).mappings()]

    def check(self, session: Session, after: int, limit: int, heads: Sequence[Head] = ()) -> Checked:
        """Check up to `limit` entries after number `after`, and those of `heads` that name one of them, or none."""
        rows = self.rows
        query = select(rows).where(rows.c.sequence > after).order_by(rows.c.sequence).limit(limit + 1)
        found = [dict(one) for one in session.execute(query).mappings()]
        page, more = found[:limit], len(found) > limit
        first = page[0]["sequence"] if page else after + 1
        before, cut = self._before(session, first - 1)
        findings = self._faults(page, first - 1 if cut else after, before)
        last = page[-1]["sequence"] if page else after
        hashes = {one["sequence"]: bytes(one["hash"] or b"").hex() for one in page}
        findings += [
            Finding(one.sequence, Fault.OTHER_HEAD)
            for one in heads
            if one.sequence in hashes and hashes[one.sequence] != one.hash
        ]
        if not more and (lost := [one.sequence for one in heads if one.sequence > last]):
            findings.append(Finding(max(lost), Fault.CUT_OFF))
        return Checked(page[0]["sequence"] if page else 0, last, len(page), more, tuple(findings), cut)

    def _before(self, session: Session, sequence: int) -> tuple[bytes | None, int]:
        """The hash of the entry with this number, and the number again when it was cut; None when it is missing."""
        if sequence == 0:
            return BEGINNING, 0
        rows = self.rows.c
        kept: bytes | None = session.execute(select(rows.hash).where(rows.sequence == sequence)).scalar()
        if kept is not None:
            return kept, 0
        cuts = select(rows.detail).where(rows.act == CUT).order_by(rows.sequence.desc())
        for detail in session.execute(cuts).scalars():
            try:
                said = orjson.loads(detail)
                if said["through"] == sequence:
                    return bytes.fromhex(said["hash"]), sequence
            except (ValueError, KeyError, TypeError):  # it was changed, which is found where it stands
                continue
        return None, 0

    def _faults(self, page: Sequence[Mapping[str, Any]], after: int, previous: bytes | None) -> list[Finding]:
        findings = []
        for row in page:
            sequence, kept = row["sequence"], {name: value for name, value in row.items() if name != "hash"}
            if sequence != after + 1:
                findings.append(Finding(sequence, Fault.MISSING))
            elif not self._chain.fits(previous, kept, row["hash"]):
                findings.append(Finding(sequence, Fault.CHANGED))
            after, previous = sequence, row["hash"]
        return findings


@dataclass
class AuditWriter:
    """Adds entries that no transaction brings; those that come while one is written share the next transaction."""

    database: Database
    log: AuditLog

    def __post_init__(self) -> None:
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def record(self, entry: Entry) -> None:
        """Durable when it returns. Raises TransientError while the database fails."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._task is None:
            # In a context of its own: its transactions are no request's.
            self._task = asyncio.create_task(self._write(), context=Context())
        await done

    async def _write(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                error = await self._try([one for one, _ in group])
                for _, done in group:
                    if not done.done():  # its client may have gone away
                        done.set_exception(error) if error else done.set_result(None)
        finally:
            self._task = None  # without an await since the last look at `_waiting`, so no entry is forgotten

    async def _try(self, entries: Sequence[Entry]) -> Exception | None:
        try:
            await self.database.write(lambda session: self.log.add(session, entries))
        except TransientError as error:
            return error
        except Exception as error:  # noqa: BLE001  a fault of ours: who waits hears of it, or waits for ever
            return error
        return None
