"""Capacity's queues over its HTTP API, for an answer that can do without them: one try, and not for long."""

import asyncio
from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from services.contracts.claims import ClaimPositions, ProgrammeFigures
from services.kit.errors import PermanentError, TransientError
from services.referral.adapters.http_capacity import HttpCapacity, Rebuilding
from services.referral.ports import CapacityUnavailable, Unavailable

PATIENCE = 2.0
"""Seconds for an answer."""
PAGE = 1000
T = TypeVar("T", bound=BaseModel)


class _Figures(BaseModel):
    items: list[ProgrammeFigures]
    next: str | None = None


class HttpQueuePositions:
    """The QueuePositions port."""

    def __init__(self, capacity: HttpCapacity, patience: float = PATIENCE) -> None:
        self._capacity, self._patience = capacity, patience

    async def positions(self, referral_id: UUID) -> ClaimPositions:
        return await self._get(ClaimPositions, f"/v1/claims/{referral_id}", {})

    async def waiting(self, region_id: str | None) -> Mapping[str, int]:
        query: dict[str, str | int] = {"limit": PAGE} | ({"region": region_id} if region_id else {})
        found: dict[str, int] = {}
        while True:
            page = await self._get(_Figures, "/v1/capacity", query)
            found |= {one.programme_id: one.waiting for one in page.items}
            if page.next is None:
                return found
            query["cursor"] = page.next

    async def _get(self, kind: type[T], path: str, query: dict[str, str | int]) -> T:
        try:
            async with asyncio.timeout(self._patience):
                return await self._capacity.ask(kind, "GET", path, query=query)
        except Rebuilding:
            raise CapacityUnavailable(Unavailable.REBUILDING) from None
        except (TransientError, PermanentError, TimeoutError):
            raise CapacityUnavailable(Unavailable.UNREACHABLE) from None
