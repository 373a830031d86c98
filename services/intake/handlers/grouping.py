"""Submissions that come at the same time share a transaction: what waits while one is written is written next."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.intake.handlers.drafts import Draft, IdempotencyKey
from services.intake.handlers.outcomes import Outcome
from services.intake.handlers.submit import Submissions
from services.kit.errors import TransientError

MOST = 200
"""Drafts of one transaction; a request that brings more has one of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    drafts: Sequence[Draft]
    outcomes: asyncio.Future[list[Outcome]]


@dataclass
class GroupedSubmissions:
    """The record behind `inner`, written by `lanes` transactions at a time."""

    inner: Submissions
    lanes: int = 1
    _waiting: list[_Waiting] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _busy: int = 0

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome a draft, in order, durable when it returns. Raises TransientError when the record fails."""
        if len(drafts) >= MOST:
            return await self.inner.record(drafts)
        mine = _Waiting(drafts, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._busy < self.lanes:
            self._busy += 1
            task = asyncio.create_task(self._write())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await mine.outcomes

    async def replay(self, key: IdempotencyKey) -> Outcome | None:
        return await self.inner.replay(key)

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self._write_group(self._take())
        finally:
            self._busy -= 1  # in the same turn as the look at who waits: nobody is left behind

    async def _write_group(self, group: list[_Waiting]) -> None:
        try:
            outcomes = await self.inner.record([draft for one in group for draft in one.drafts])
        except Exception as error:
            await self._apart(group, error)
        else:
            _answer(group, outcomes)

    def _take(self) -> list[_Waiting]:
        size = count = 0
        for one in self._waiting:
            size += len(one.drafts)
            if count and size > MOST:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _apart(self, group: list[_Waiting], error: Exception) -> None:
        """A failing record fails all; any other error is found out one by one, and is its own request's."""
        for one in group:
            if len(group) > 1 and not isinstance(error, TransientError):
                try:
                    _answer([one], await self.inner.record(one.drafts))
                except Exception as own:
                    _fail(one, own)
            else:
                _fail(one, error)


def _answer(group: Sequence[_Waiting], outcomes: list[Outcome]) -> None:
    at = 0
    for one in group:
        if not one.outcomes.done():  # its request may have gone away
            one.outcomes.set_result(outcomes[at : at + len(one.drafts)])
        at += len(one.drafts)


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.outcomes.done():
        one.outcomes.set_exception(error)
