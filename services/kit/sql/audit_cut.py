"""Retention of an audit log: the table's owner cuts off its oldest entries, and an entry of the chain says so."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Table, delete, func, select, text
from sqlmodel import Session

from services.kit.audit import Actor, Entry
from services.kit.settings import AuditSettings
from services.kit.sql.append_only import owner_deletes
from services.kit.sql.audit_heads import read_heads
from services.kit.sql.audit_log import CUT, AuditLog, Chain, Finding, Head
from services.kit.sql.database import Database

BATCH = 10_000
"""Entries that one transaction checks and cuts; others wait some tenths of a second to add theirs."""
YEAR = timedelta(days=365.25)


class Refused(Exception):
    """What would be cut is not as it was written: cutting it would remove the proof."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        named = ", ".join(f"{one.fault} {one.sequence}" for one in findings[:5])
        super().__init__(f"nothing more is cut, for the log was changed: {named}")


def cut_before(database: Database, log: AuditLog, moment: datetime, heads: Sequence[Head] = ()) -> int:
    """Cut the entries of before `moment`; how many. May be ended at any moment, and repeated.

    Raises Refused, TransientError, and the database's error for a role that does not own the table.
    """
    through, cut = database.snapshot(lambda session: _last_due(session, log, moment)), 0
    while some := database.transaction(lambda session: _cut_some(session, log, through, heads)):
        cut += some
    return cut


def _last_due(session: Session, log: AuditLog, moment: datetime) -> int:
    """The number of the last entry of before `moment` that none is before which is kept; 0 without one.

    What is dated in the future, by a clock that was wrong, keeps nothing, and goes with an entry behind it.
    """
    rows, (at, now) = log.rows.c, (round(one.timestamp() * 1000) for one in (moment, datetime.now(UTC)))
    kept = session.execute(select(func.min(rows.sequence)).where(rows.at.between(at, now))).scalar()
    due = select(func.max(rows.sequence)).where(rows.at < at)
    return session.execute(due.where(rows.sequence < kept) if kept else due).scalar() or 0


def _cut_some(session: Session, log: AuditLog, through: int, heads: Sequence[Head]) -> int:
    log.lock(session)
    rows = log.rows.c
    first: int | None = session.execute(select(func.min(rows.sequence))).scalar()
    if first is None or first > through:
        return 0
    last = min(first + BATCH - 1, through)
    count = last - first + 1
    checked = log.check(session, first - 1, count + 1, heads)  # the one behind shows that the last is not missing
    if checked.findings:
        raise Refused(checked.findings)
    hash = session.execute(select(rows.hash).where(rows.sequence == last)).scalar_one()
    detail = {"through": last, "hash": bytes(hash).hex(), "count": count}
    log.add(session, [Entry(Actor(role="owner"), CUT, detail=detail)])
    before, after = owner_deletes(session.connection().dialect.name, log.rows.name)
    session.execute(text(before))
    session.execute(delete(log.rows).where(rows.sequence <= last))
    session.execute(text(after))
    return count


def main(service: str, settings: AuditSettings, url: str, rows: Table) -> None:
    """Cut what is older than the settings say, and tell; exit 1 when the log was changed."""
    if not settings.keep_audit_years:
        sys.exit(f"{service}: nothing is cut: JOLDAMA_KEEP_AUDIT_YEARS is 0, for ever")
    database, log = Database(url, pool_size=1), AuditLog(rows, Chain(settings.audit_keys))
    moment = datetime.now(UTC) - settings.keep_audit_years * YEAR
    try:
        cut = cut_before(database, log, moment, read_heads(settings.audit_head_file))
    except Refused as error:
        sys.exit(f"{service}: {error}")
    finally:
        database.engine.dispose()
    sys.stdout.write(f"{service}: {cut} entries of before {moment:%Y-%m-%d} are cut\n")
