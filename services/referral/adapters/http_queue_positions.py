"""Capacity's queues over its HTTP API, for an answer that can do without them: one try, and not for long."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from itertools import islice
from uuid import UUID

from pydantic import BaseModel

from services.contracts.claims import ClaimPositions, ProgrammeFigures
from services.contracts.rebuild import BATCH
from services.kit.errors import PermanentError, TransientError
from services.referral.adapters.http_capacity import HttpCapacity, Rebuilding
from services.referral.ports import CapacityUnavailable, Unavailable

PATIENCE = 2.0
"""Seconds for an answer."""
SOON = 0.1
"""Seconds for which the next question waits for the answer to the one before."""
MOST = 4
"""Questions at once."""
PAGE = 1000


class _Figures(BaseModel):
    items: list[ProgrammeFigures]
    next: str | None = None


class HttpQueuePositions:
    """The QueuePositions port. Positions that are asked for while an answer is awaited are the next one question.

    It waits for that answer, but not for one that hangs, unless `MOST` do.
    """

    def __init__(self, capacity: HttpCapacity, patience: float = PATIENCE) -> None:
        self._capacity, self._patience = capacity, patience
        self._asked: dict[UUID, asyncio.Future[ClaimPositions]] = {}
        self._task: asyncio.Task[None] | None = None
        self._asking = set[asyncio.Task[None]]()

    async def positions(self, referral_id: UUID) -> ClaimPositions:
        if (answer := self._asked.get(referral_id)) is None:
            answer = self._asked[referral_id] = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._ask_all(), context=Context())  # it is no one request's
        with _unavailable():
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(answer)

    async def _ask_all(self) -> None:
        try:
            while self._asked:
                together = dict(islice(self._asked.items(), BATCH))
                for one in together:
                    del self._asked[one]
                asking = asyncio.create_task(self._ask_for(together))
                self._asking.add(asking)
                asking.add_done_callback(self._asking.discard)
                await asyncio.wait({asking}, timeout=SOON)
                if len(self._asking) >= MOST:
                    await asyncio.wait(self._asking, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._task = None  # without an await since the last look at `_asked`, so nobody is forgotten

    async def _ask_for(self, together: Mapping[UUID, "asyncio.Future[ClaimPositions]"]) -> None:
        try:
            async with asyncio.timeout(self._patience):
                found = await self._capacity.positions(list(together))
        except Exception as error:  # noqa: BLE001  whatever it is, who waits hears of it
            for answer in together.values():
                answer.set_exception(error)
                answer.exception()  # whoever asked may have gone
            return
        for referral_id, answer in together.items():
            if referral_id in found:
                answer.set_result(found[referral_id])
            else:
                answer.set_exception(TransientError("its claim cannot be read"))
                answer.exception()

    async def waiting(self, region_id: str | None) -> Mapping[str, int]:
        query: dict[str, str | int] = {"limit": PAGE} | ({"region": region_id} if region_id else {})
        found: dict[str, int] = {}
        while True:
            with _unavailable():
                async with asyncio.timeout(self._patience):
                    page = await self._capacity.ask(_Figures, "GET", "/v1/capacity", query=query)
            found |= {one.programme_id: one.waiting for one in page.items}
            if page.next is None:
                return found
            query["cursor"] = page.next


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except Rebuilding:
        raise CapacityUnavailable(Unavailable.REBUILDING) from None
    except (TransientError, PermanentError, TimeoutError):
        raise CapacityUnavailable(Unavailable.UNREACHABLE) from None
