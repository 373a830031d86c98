"""Claims over capacity's HTTP API."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

import httpx2
from pydantic import BaseModel, ValidationError

from services.contracts.claims import (
    ClaimAnswer,
    ClaimChange,
    ClaimRequest,
    ClaimResult,
    ClaimsBatch,
    ClaimsBatchResult,
    DataVersion,
    ProgrammeOpening,
)
from services.kit.errors import PermanentError, TransientError
from services.kit.http.auth import ServiceToken

PERMANENT = frozenset({400, 409, 413, 422})
"""Answers that will not change by asking again; all others are faults that pass, such as a 404 while it is deployed."""
UNAVAILABLE = 503
NOT_HELD = 409
"""Nothing is held under the attempt that the child is admitted under; the problem names what the referral has."""
T = TypeVar("T", bound=BaseModel)
_JSON = {"Content-Type": "application/json"}


class _NotHeld(BaseModel):
    claim: ClaimAnswer


class HttpClaims:
    """Claims; `client` has capacity's base URL."""

    def __init__(self, client: httpx2.AsyncClient, token: ServiceToken) -> None:
        self._client, self._token = client, token
        self.refused: Callable[[], None] = lambda: None
        """Called when capacity is there and cannot serve, as while it has no data."""

    async def claim(
        self, requests: Sequence[ClaimRequest], seen: DataVersion | None
    ) -> tuple[Sequence[ClaimResult], DataVersion]:
        body = ClaimsBatch.model_construct(seen=seen, claims=tuple(requests)).model_dump_json(exclude_defaults=True)
        answer = await self._send("POST", "/v1/claims/batch", body)
        result = read(ClaimsBatchResult, answer)
        if [one.referral_id for one in result.results] != [one.referral_id for one in requests]:
            raise TransientError("capacity answered other claims than were made")
        return result.results, result.mark

    async def release(self, referral_id: UUID, attempt: int, seen: DataVersion | None) -> DataVersion | None:
        query: dict[str, str | int] = {"attempt": attempt}
        if seen:
            query |= {"epoch": seen.epoch, "sequence": seen.sequence}
        answer = await self._send("DELETE", f"/v1/claims/{referral_id}", "", params=query)
        return read(ClaimAnswer, answer).mark

    async def occupy(self, referral_id: UUID, attempt: int, seen: DataVersion | None) -> ClaimAnswer:
        body = ClaimChange(attempt=attempt, seen=seen).model_dump_json()
        answer = await self._ask("POST", f"/v1/claims/{referral_id}/occupy", body)
        if answer.status_code == NOT_HELD:
            return read(_NotHeld, answer).claim
        return read(ClaimAnswer, _checked(answer))

    async def open_programme(self, opening: ProgrammeOpening) -> None:
        await self._send("PUT", f"/v1/programmes/{opening.programme_id}", opening.model_dump_json())

    async def _send(
        self, method: str, path: str, body: str, params: dict[str, str | int] | None = None
    ) -> httpx2.Response:
        return _checked(await self._ask(method, path, body, params))

    async def _ask(
        self, method: str, path: str, body: str, params: dict[str, str | int] | None = None
    ) -> httpx2.Response:
        try:
            headers = _JSON | self._token.header()
            answer = await self._client.request(method, path, content=body, headers=headers, params=params)
        except (httpx2.RequestError, OSError) as error:
            raise TransientError(f"capacity: {type(error).__name__}") from error
        if answer.status_code == UNAVAILABLE:
            self.refused()
        return answer


def _checked(answer: httpx2.Response) -> httpx2.Response:
    """Raises what an error answer means: again, or never."""
    if answer.status_code in PERMANENT:
        asked = answer.request
        raise PermanentError(f"capacity refused {asked.method} {asked.url.path}: {answer.text[:300]}")
    if answer.is_error:
        raise TransientError(f"capacity answered {answer.status_code}: {answer.text[:200]}")
    return answer


def read(kind: type[T], answer: httpx2.Response) -> T:
    """The body; raises TransientError when it is none."""
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        raise TransientError(f"capacity answered strangely: {error.error_count()} errors") from None
