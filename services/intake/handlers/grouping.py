"""Grouped transactions: the submissions that arrive while one transaction is written share the next one."""

import asyncio
from collections.abc import Collection, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from services.intake.handlers.drafts import Draft, IdempotencyKey
from services.intake.handlers.outcomes import Outcome
from services.intake.handlers.submit import Submissions
from services.kit.errors import TransientError

MOST = 200
"""Drafts of one transaction; a request that brings more has one of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    drafts: Sequence[Draft]
    closed: frozenset[UUID]
    outcomes: asyncio.Future[list[Outcome]]


@dataclass
class GroupedSubmissions:
    """Groups requests to the record `inner`, which is written by `lanes` transactions at a time."""

    inner: Submissions
    lanes: int = 1
    _waiting: list[_Request] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _busy: int = 0

    async def record(self, drafts: Sequence[Draft], closed: frozenset[UUID] = frozenset()) -> list[Outcome]:
        """One outcome a draft, in order, durable when it returns. Raises TransientError when the record fails."""
        if len(drafts) >= MOST:
            return await self.inner.record(drafts, closed)
        mine = _Request(drafts, closed, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._busy < self.lanes:
            self._busy += 1
            task = asyncio.create_task(self._write(), context=Context())  # it is no request's
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await mine.outcomes

    async def replay(self, key: IdempotencyKey) -> Outcome | None:
        return await self.inner.replay(key)

    async def siblings(self, referral_ids: Collection[UUID]) -> set[UUID]:
        return await self.inner.siblings(referral_ids)

    async def audit_refusals(self, referral_ids: Collection[UUID]) -> None:
        await self.inner.audit_refusals(referral_ids)

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self._write_group(self._next_group())
        finally:
            self._busy -= 1  # without an await since the last look at `_waiting`, so no request is forgotten

    async def _write_group(self, group: list[_Request]) -> None:
        try:
            closed = frozenset[UUID]().union(*(one.closed for one in group))
            outcomes = iter(await self.inner.record([draft for one in group for draft in one.drafts], closed))
        except Exception as error:  # noqa: BLE001  it goes on in those who wait
            if len(group) > 1 and not isinstance(error, TransientError):
                for one in group:  # the error is one request's: each is written apart
                    await self._write_group([one])
            else:
                for one in group:
                    if not one.outcomes.done():
                        one.outcomes.set_exception(error)
            return
        for one in group:
            own = list(islice(outcomes, len(one.drafts)))
            if not one.outcomes.done():  # its client may have gone away
                one.outcomes.set_result(own)

    def _next_group(self) -> list[_Request]:
        size = count = 0
        for one in self._waiting:
            size += len(one.drafts)
            if count and size > MOST:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group
