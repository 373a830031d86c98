"""The referral service over its HTTP API: who has which referral now."""

import asyncio
from collections.abc import Collection
from typing import Any, TypeVar
from uuid import UUID

import httpx2
from pydantic import BaseModel, ValidationError

from services.contracts.access import MOST, AccessAnswer, AccessQuestion
from services.contracts.family import FamilyOutlook
from services.intake.handlers.access import Known
from services.kit.errors import TransientError
from services.kit.http.service_token import ServiceToken

SECONDS = 3.0
"""The longest wait for an answer, whatever it waits for."""
_JSON = {"Content-Type": "application/json"}
T = TypeVar("T", bound=BaseModel)


class HttpReferrals:
    """Referrals; `client` has the base URL. What is no answer is a TransientError, and nothing is shown then."""

    def __init__(self, client: httpx2.AsyncClient, token: ServiceToken) -> None:
        self._client, self._token = client, token

    async def ask(self, referral_ids: Collection[UUID]) -> Known:
        wanted = list(referral_ids)
        found = [await self._ask(wanted[start : start + MOST]) for start in range(0, len(wanted) or 1, MOST)]
        return {one.referral_id: one for answer in found for one in answer.referrals}

    async def outlook(self, referral_id: UUID) -> FamilyOutlook:
        return _read(FamilyOutlook, await self._send("GET", f"/v1/family/{referral_id}"))

    async def _ask(self, referral_ids: list[UUID]) -> AccessAnswer:
        question = AccessQuestion(referral_ids=tuple(referral_ids)).model_dump_json()
        return _read(AccessAnswer, await self._send("POST", "/v1/access", content=question))

    async def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        try:
            headers = _JSON | await self._token.header()
            async with asyncio.timeout(SECONDS):
                answer = await self._client.request(method, path, headers=headers, **options)
            self._token.answered(answer.status_code)
            return answer
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            raise TransientError(f"referral service: {error or type(error).__name__}") from error


def _read(kind: type[T], answer: httpx2.Response) -> T:
    try:
        return kind.model_validate_json(answer.raise_for_status().content)
    except httpx2.HTTPError as error:
        raise TransientError(f"referral service: {error}") from error
    except ValidationError as error:
        raise TransientError(f"referral service answered strangely: {error.error_count()} errors") from None
