"""One transaction a call, in a worker thread, but for short reads, which share one: SQLite in a file, or PostgreSQL."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlmodel import Session

from services.kit.audit import TRAIL, Entry
from services.kit.errors import Conflict, TransientError
from services.kit.sql.shared_reads import SharedReads
from services.kit.tracing import carried

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=20000",
    "foreign_keys=ON",
    "cache_size=-8000",
    "secure_delete=ON",
    "recursive_triggers=ON",  # so that INSERT OR REPLACE runs the triggers of the row that it deletes
)
T = TypeVar("T")
SERIALIZATION_FAILURE, DEADLOCK = "40001", "40P01"
UNDEFINED_TABLE, UNDEFINED_COLUMN = "42P01", "42703"
"""Not migrated yet: a retry will succeed."""
READ_ONLY = "25006"
"""The server has become a replica: a retry will find the new primary."""
_PASSING = (UNDEFINED_TABLE, UNDEFINED_COLUMN, READ_ONLY)
_SQLITE_SNAPSHOT: dict[str, Any] = {"sqlite_begin": "BEGIN"}
_SERVER_SNAPSHOT: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


READERS = 3
"""Threads that read SQLite in a file: more wait for each other, and each has a connection with pages of its own."""
_WITHOUT_EFFECT = "without_effect"


@contextmanager
def _classified() -> Iterator[None]:
    """Raise the driver's passing errors as TransientError, or Conflict."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        passing = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
        if isinstance(error, IntegrityError) or not (passing or state in _PASSING):
            raise
        kind = Conflict if state in (SERIALIZATION_FAILURE, DEADLOCK) else TransientError
        raise kind(f"database: {type(error.orig).__name__}") from error


class Enter(Protocol):
    """Adds entries to the audit log."""

    def __call__(self, session: Session, entries: Sequence[Entry]) -> None: ...


def without_effect(session: Session, **about: object) -> None:
    """Say that this transaction does nothing of what its request asks for, and of which subjects the request is."""
    session.info[_WITHOUT_EFFECT] = about


class Database:
    """An engine that is made at construction and connects at first use; `close()` ends it."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _make_engine(url, pool_size, self.is_sqlite)
        self.audit: Enter | None = None
        """Adds entries of the audit log in a transaction."""
        # SQLite has one writer: one thread queues them in memory, where its own lock would poll.
        self._writers = ThreadPoolExecutor(1 if self.is_sqlite else pool_size, "sql-write")
        readers = min(pool_size, READERS)
        self._readers = ThreadPoolExecutor(readers, "sql-read") if self.is_sqlite else self._writers
        self._shared = SharedReads(self.snapshot, self._readers)

    async def write(self, work: Callable[[Session], T]) -> T:
        """The result of `work`, committed, or rolled back when it raises. Raises TransientError from the database.

        The first one of a request that has an effect brings the request's entry of the audit log.
        """
        run, trail = asyncio.get_running_loop().run_in_executor, TRAIL.get()
        work = carried(work)
        if trail is None or trail.recorded or trail.apart or self.audit is None:
            return await run(self._writers, self.transaction, work)
        add = self.audit

        def audited(session: Session) -> tuple[T, dict[str, object] | None]:
            result = work(session)
            if (about := session.info.get(_WITHOUT_EFFECT)) is None:
                add(session, [trail.entry()])
            return result, about

        result, about = await run(self._writers, self.transaction, audited)
        trail.recorded = about is None
        trail.about |= {name: str(id) for name, id in (about or {}).items()}
        return result

    async def enter(self, *entries: Entry) -> None:
        """Add entries of the audit log in a transaction of their own."""
        if self.audit is not None and entries:
            work = partial(self.audit, entries=entries)
            await asyncio.get_running_loop().run_in_executor(self._writers, self.transaction, work)

    async def read(self, work: Callable[[Session], T]) -> T:
        """The result of `work` on one snapshot; nothing is written."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.snapshot, work)

    async def read_shortly(self, work: Callable[[Session], T]) -> T:
        """As `read`, for what takes some milliseconds. On SQLite, which reads within this process, those that come
        together share a snapshot; a server is asked by several threads, which wait for it and not for each other."""
        return await (self._shared(work) if self.is_sqlite else self.read(work))

    @_classified()
    def transaction(self, work: Callable[[Session], T]) -> T:
        """As `write`, in the calling thread."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            return work(session)

    @_classified()
    def snapshot(self, work: Callable[[Session], T]) -> T:
        """As `read`, in the calling thread."""
        options = _SQLITE_SNAPSHOT if self.is_sqlite else _SERVER_SNAPSHOT
        with self.engine.connect().execution_options(**options) as connection, Session(connection) as session:
            return work(session)

    async def scrub(self, table: str) -> None:
        """Leave no bytes of deleted rows of `table` in the database's files. Raises TransientError: not now.

        SQLite has overwritten them, but in its log, which ends here; PostgreSQL writes the table anew, under a lock, by
        the function `rewrite_TABLE` of its owner: VACUUM FULL leaves out what is not the role's own, and says nothing.
        """
        await asyncio.get_running_loop().run_in_executor(self._writers, self._scrub, table)

    @_classified()
    def _scrub(self, table: str) -> None:
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
                connection.exec_driver_sql(f"SELECT rewrite_{table}()")
            return
        with closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            [(busy, _, _)] = cursor.fetchall()
            if busy:
                raise TransientError("database: its log is being read")

    async def close(self) -> None:
        await asyncio.to_thread(self._writers.shutdown)
        await asyncio.to_thread(self._readers.shutdown)
        self.engine.dispose()


def _make_engine(url: str, pool_size: int, is_sqlite: bool) -> Engine:
    """Errors never repeat a statement's values: they may be personal.

    SQLite in WAL mode, and BEGIN IMMEDIATE for writers: the lock is waited for at the start, never lost midway.
    """
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 2, "hide_parameters": True}
    if not is_sqlite:
        return create_engine(url, pool_pre_ping=True, pool_recycle=1800, **options)
    engine = create_engine(url, connect_args={"check_same_thread": False}, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE"))
