"""The audit log's head, exported regularly to the log of the process and to a file: so a lost end is found."""

import asyncio
import os
from pathlib import Path

import orjson
import structlog

from services.kit.sql.audit_log import AuditLog, Finding, Head
from services.kit.sql.database import Database

log = structlog.get_logger()


def read_heads(file: Path | None, after: int = 0, last: float = float("inf")) -> list[Head]:
    """The heads in `file` of entries after number `after` up to number `last`; none without the file."""
    if file is None or not file.exists():
        return []
    with file.open("rb") as lines:
        return [one for one in map(_head, lines) if one and after < one.sequence <= last]


def _head(line: bytes) -> Head | None:
    """None for a line that a crash has cut."""
    try:
        found = orjson.loads(line)
        return Head(int(found["sequence"]), str(found["hash"]))
    except (ValueError, KeyError, TypeError):
        return None


class HeadExporter:
    """Exports the head of `audit_log`, when it has moved and what was exported before is still there."""

    def __init__(self, database: Database, audit_log: AuditLog, file: Path | None) -> None:
        self._database, self._log, self._file = database, audit_log, file
        self._last: Head | None = None
        self._wrong: tuple[Finding, ...] = ()

    async def export(self) -> None:
        if self._last is None:
            self._last = max(await asyncio.to_thread(read_heads, self._file), key=_number, default=Head(0, ""))
        last = self._last
        known = [last] if last.sequence else []
        checked = await self._database.read(
            lambda session: self._log.check(session, max(0, last.sequence - 1), 1, known)
        )
        self._wrong = tuple(checked.findings)
        if self._wrong:
            log.critical("audit.changed", findings=[f"{one.fault} {one.sequence}" for one in self._wrong])
            return
        head = await self._database.read(self._log.head)
        if head.sequence > last.sequence:
            log.info("audit.head", sequence=head.sequence, hash=head.hash)
            await asyncio.to_thread(self._append, head)
            self._last = head

    async def check(self) -> None:
        """A readiness check: raises RuntimeError when the last export found the log changed."""
        if self._wrong:
            raise RuntimeError(f"audit log: {self._wrong[0].fault} at {self._wrong[0].sequence}")

    def _append(self, head: Head) -> None:
        if self._file is None:
            return
        options = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        with os.fdopen(os.open(self._file, options, 0o600), "ab") as file:
            file.write(orjson.dumps({"sequence": head.sequence, "hash": head.hash}, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())


def _number(head: Head) -> int:
    return head.sequence
