"""Checking an audit log without its service: a database file or URL, the key, and a file of exported heads."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import MetaData, Table, create_engine
from sqlalchemy.exc import NoSuchTableError
from sqlmodel import Session

from services.kit.sql.audit_heads import read_heads
from services.kit.sql.audit_log import TABLE, AuditLog, Chain, Checked, Finding, Head

PAGE = 5_000
"""Entries that are read at a time."""


def check_database(url: str, keys: Sequence[bytes], heads: Path | None) -> tuple[Checked, Head]:
    """The check of the whole log, and its head. Nothing is written.

    Raises ValueError when the database has no log, and SQLAlchemy's errors.
    """
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection, Session(connection) as session:
            try:
                rows = Table(TABLE, MetaData(), autoload_with=connection)
            except NoSuchTableError:
                raise ValueError(f"there is no table {TABLE}") from None
            log = AuditLog(rows, Chain(keys))
            return _check(session, log, read_heads(heads)), log.head(session)
    finally:
        engine.dispose()


def _check(session: Session, log: AuditLog, heads: Sequence[Head]) -> Checked:
    first, after, count, cut, findings = 0, 0, 0, 0, list[Finding]()
    while True:
        page = log.check(session, after, PAGE, heads)
        first, after, count, cut = first or page.first, page.last, count + page.count, cut or page.cut
        findings += page.findings
        if not page.more:
            return Checked(first, after, count, False, tuple(findings), cut)
