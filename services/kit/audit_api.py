"""`/v1/audit-log`: who looked and who acted, and whether the log is as it was written."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field, StringConstraints
from sqlmodel import Session

from services.kit.audit import note
from services.kit.http.auditing import Auditing
from services.kit.http.auth import Principal, Require
from services.kit.http.free_text import NO_NUL
from services.kit.http.pages import Page, read_cursor, write_cursor
from services.kit.http.routes import guarded_router
from services.kit.loops import background, run_periodically
from services.kit.sql.audit_heads import read_heads
from services.kit.sql.audit_log import AuditLog, AuditWriter, Checked, Fault, Head
from services.kit.sql.database import Database

Position = Annotated[int, Field(ge=0, lt=2**62)]
"""Of an entry: its number."""
COUNT_EVERY = 60.0
"""Seconds between two entries of refused tokens by address."""
_OWN = frozenset(
    {"sequence", "at", "detail", "key", "hash", "person", "role", "org", "act", "refused", "purpose", "address"}
)


@dataclass(frozen=True)
class AuditTrail:
    """One service's audit log, ready to use. `related` gives the ids of a subject's entries, its own among them."""

    database: Database
    log: AuditLog
    writer: AuditWriter
    related: Callable[[Session, str], Sequence[str]]
    head_file: Path | None = None

    def auditing(
        self,
        purposes: Iterable[str],
        default_purpose: Callable[[Collection[str]], str],
        acting_role: Callable[[Principal, Collection[str]], str],
    ) -> Auditing:
        """What enters the requests of an application in this log."""
        return Auditing(self.writer.record, self.log.subjects, frozenset(purposes), default_purpose, acting_role)

    async def entries(self, about: str | None, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        def work(session: Session) -> Sequence[Mapping[str, Any]]:
            return self.log.about(session, self.related(session, about) if about else [], after, limit)

        return await self.database.read(work)

    async def check(self, after: int, limit: int) -> tuple[Checked, Head]:
        """The check of up to `limit` entries, also against the exported heads that this process can read; the head."""
        heads = await asyncio.to_thread(read_heads, self.head_file, after)

        def work(session: Session) -> tuple[Checked, Head]:
            return self.log.check(session, after, limit, heads), self.log.head(session)

        return await self.database.read(work)


@asynccontextmanager
async def counting_strangers(auditing: Auditing) -> AsyncIterator[None]:
    """Refused tokens are counted by address while the body runs."""
    async with background(run_periodically("audit.strangers", auditing.count_strangers, COUNT_EVERY)):
        yield
    await auditing.count_strangers()


class AuditEntry(BaseModel):
    """One act or read. `about` are the ids of its subjects."""

    sequence: int
    at: datetime
    person: str = Field(description="A staff id, or a keyed pseudonym (p:…) of one that may be an IIN")
    role: str
    org: str
    act: str = Field(description="The operation, by its name in the OpenAPI")
    refused: str | None = Field(description="The refusal's code; null when it was done")
    purpose: str
    address: str
    about: dict[str, str]
    detail: dict[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        own = {name: value for name, value in row.items() if name in _OWN}
        about = {name: value for name, value in row.items() if name not in _OWN and value is not None}
        at, detail = datetime.fromtimestamp(row["at"] / 1000, UTC), orjson.loads(row["detail"] or b"{}")
        return cls(**own | {"at": at, "detail": detail, "refused": row["refused"] or None, "about": about})

    def as_seen(self, org: str, *, everything: bool) -> Self:
        """As a member of `org` sees it: of others the organization, and neither person nor address nor detail."""
        if everything or (org and self.org == org):
            return self
        return self.model_copy(update={"person": "", "address": "", "detail": {}})


class AuditFinding(BaseModel, from_attributes=True):
    """`changed`: it is not what was written there; `missing`: entries before it are gone; `cut_off`: the end is gone;
    `other_head`: its hash is not the one that was exported."""

    sequence: int
    fault: Fault


class AuditCheck(BaseModel):
    """The entries from `first` to `last`, `count` of them, are as they were written, except for the findings."""

    first: int
    last: int
    count: int
    findings: list[AuditFinding]
    cut: int = Field(description="The entries through this number were cut by their age, as an entry says; 0: none")
    next: int | None = Field(description="Go on with `after` this number; null at the end")
    head_sequence: int
    head_hash: str = Field(description="Of the log's last entry: compare it with what was exported")


async def _the_trail(request: Request) -> AuditTrail:
    """Async, because FastAPI runs plain functions in a thread."""
    found: AuditTrail = request.app.state.audit_trail
    return found


Trail = Annotated[AuditTrail, Depends(_the_trail)]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]


def audit_log_router(*roles: str) -> APIRouter:
    """The routes for holders of one of `roles`, over the AuditTrail in `app.state.audit_trail`."""
    router = guarded_router("/v1/audit-log", tags=["audit log"], dependencies=[Depends(Require(*roles))])

    @router.get("")
    async def list_audit_log(
        trail: Trail,
        about: Annotated[
            Subject | None, Query(description="Only of what this id names, and what belongs to it")
        ] = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> Page[AuditEntry]:
        """The entries in their order: every act and every read, refused ones too."""
        after = read_cursor(cursor, tuple[Position])[0] if cursor else 0
        rows = await trail.entries(about, after, limit + 1)
        note({"count": min(len(rows), limit)})
        more = write_cursor(rows[limit - 1]["sequence"]) if len(rows) > limit else None
        return Page(items=[AuditEntry.of(row) for row in rows[:limit]], next=more)

    @router.get("/verify")
    async def verify_audit_log(
        trail: Trail,
        after: Annotated[int, Query(ge=0, lt=2**62, description="Check the entries after this number")] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 2000,
    ) -> AuditCheck:
        """Whether entries are as they were written, none is missing, and the exported heads are still there."""
        checked, head = await trail.check(after, limit)
        note({"count": checked.count, "findings": len(checked.findings)})
        return AuditCheck(
            first=checked.first,
            last=checked.last,
            count=checked.count,
            findings=[AuditFinding.model_validate(one) for one in checked.findings],
            cut=checked.cut,
            next=checked.last if checked.more else None,
            head_sequence=head.sequence,
            head_hash=head.hash,
        )

    return router
