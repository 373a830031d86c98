"""Queues over capacity's HTTP API, for an answer that can do without: one try, and not for long."""

import asyncio
from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

import httpx2
from pydantic import BaseModel, ValidationError

from services.contracts.claims import ClaimTurns, ProgrammeFigures
from services.kit.http.auth import ServiceToken
from services.referral.ports import CapacityMissing, Missing

PATIENCE = 2.0
"""Seconds for an answer."""
PAGE = 1000
T = TypeVar("T", bound=BaseModel)


class _Problem(BaseModel):
    code: str = ""


class _Figures(BaseModel):
    items: list[ProgrammeFigures]
    next: str | None = None


class HttpQueues:
    """The Queues port; `client` has capacity's base URL."""

    def __init__(self, client: httpx2.AsyncClient, token: ServiceToken, patience: float = PATIENCE) -> None:
        self._client, self._token, self._patience = client, token, patience

    async def turns(self, referral_id: UUID) -> ClaimTurns:
        return await self._get(ClaimTurns, f"/v1/claims/{referral_id}/turns", {})

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
                answer = await self._client.get(path, params=query, headers=self._token.header())
            if answer.is_success:
                return kind.model_validate_json(answer.content)
            problem = _Problem.model_validate_json(answer.content)
        except (httpx2.RequestError, OSError, TimeoutError, ValidationError):
            raise CapacityMissing(Missing.UNREACHABLE) from None
        raise CapacityMissing(Missing.REBUILDING if problem.code == Missing.REBUILDING else Missing.UNREACHABLE)
