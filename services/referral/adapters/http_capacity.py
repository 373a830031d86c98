"""Capacity over its HTTP API: claims, programmes, the rebuild, and all claims for the reconciliation."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

import httpx2
from pydantic import BaseModel, ValidationError

from services.contracts.claims import (
    ClaimChange,
    ClaimChangesBatch,
    ClaimPositions,
    ClaimPositionsBatch,
    ClaimRequest,
    ClaimResult,
    ClaimsBatch,
    ClaimsBatchResult,
    DataVersion,
    ProgrammeCapacity,
    ProgrammeOpening,
)
from services.contracts.rebuild import (
    ClaimsPage,
    ClaimsToRestore,
    ClaimsWanted,
    Generation,
    NewGeneration,
    Opened,
    ProgrammesToRestore,
    Restored,
    RestoredClaim,
)
from services.kit import tracing
from services.kit.errors import PermanentError, TransientError
from services.kit.http.service_token import ServiceToken
from services.kit.tracing import of_subject
from services.referral.ports import Unavailable

PERMANENT = frozenset({400, 409, 413, 422})
"""Answers that a repeat will not change; all others are faults that pass, such as a 404 during a deployment."""
T = TypeVar("T", bound=BaseModel)
Query = Mapping[str, str | int]
_JSON = {"Content-Type": "application/json"}


class Rebuilding(TransientError):
    """Capacity is without its data."""


class HttpCapacity:
    """Capacity's side of the claims, of the rebuild and of the reconciliation; `client` has its base URL."""

    def __init__(self, client: httpx2.AsyncClient, token: ServiceToken) -> None:
        self._client, self._token = client, token
        self.on_rebuilding: Callable[[], None] = lambda: None
        """Called when capacity answers that it is without its data."""

    async def claim(
        self, requests: Sequence[ClaimRequest], seen: DataVersion | None
    ) -> tuple[Sequence[ClaimResult], DataVersion]:
        batch = ClaimsBatch.model_construct(seen=seen, claims=tuple(map(_traced, requests)))
        result = await self.ask(ClaimsBatchResult, "POST", "/v1/claims/batch", batch)
        if [one.referral_id for one in result.results] != [one.referral_id for one in requests]:
            raise TransientError("capacity answered other claims than were made")
        return result.results, result.data_version

    async def release(self, changes: Sequence[ClaimChange], seen: DataVersion | None) -> DataVersion:
        return await self._change("release", changes, seen)

    async def occupy(self, changes: Sequence[ClaimChange], seen: DataVersion | None) -> DataVersion:
        return await self._change("occupy", changes, seen)

    async def _change(self, what: str, changes: Sequence[ClaimChange], seen: DataVersion | None) -> DataVersion:
        batch = ClaimChangesBatch(seen=seen, changes=tuple(changes))
        return (await self.ask(ClaimsBatchResult, "POST", f"/v1/claims/{what}", batch)).data_version

    async def open_programme(self, opening: ProgrammeOpening) -> None:
        await self._send("PUT", f"/v1/programmes/{opening.programme_id}", opening)

    async def generation(self, seen: DataVersion | None) -> Generation:
        query: Query = {"epoch": seen.epoch, "sequence": seen.sequence} if seen else {}
        return await self.ask(Generation, "GET", "/v1/rebuild", query=query)

    async def begin(self, epoch: str) -> None:
        await self._send("POST", "/v1/rebuild", NewGeneration(epoch=epoch))

    async def restore_programmes(self, epoch: str, programmes: Sequence[ProgrammeCapacity]) -> None:
        body = ProgrammesToRestore(epoch=epoch, programmes=tuple(programmes))
        await self._send("PUT", "/v1/rebuild/programmes", body)

    async def restore_claims(self, epoch: str, claims: Sequence[RestoredClaim]) -> Sequence[UUID]:
        body = ClaimsToRestore(epoch=epoch, claims=tuple(claims))
        return (await self.ask(Restored, "PUT", "/v1/rebuild/claims", body)).refused

    async def open(self, epoch: str) -> Opened:
        return await self.ask(Opened, "POST", "/v1/rebuild/open", NewGeneration(epoch=epoch))

    async def claims_page(self, cursor: str | None) -> ClaimsPage:
        return await self.ask(ClaimsPage, "GET", "/v1/claims", query={"cursor": cursor} if cursor else {})

    async def look_up_claims(self, referral_ids: Sequence[UUID]) -> ClaimsPage:
        return await self.ask(ClaimsPage, "POST", "/v1/claims/lookup", ClaimsWanted(referral_ids=tuple(referral_ids)))

    async def positions(self, referral_ids: Sequence[UUID]) -> Mapping[UUID, ClaimPositions]:
        """Of each whose claim can be read; raises TransientError when capacity answers others."""
        wanted = ClaimsWanted(referral_ids=tuple(referral_ids))
        found = await self.ask(ClaimPositionsBatch, "POST", "/v1/claims/positions", wanted)
        read = {one.referral_id: one for one in found.items}
        if read.keys() | {one.referral_id for one in found.unreadable} != set(referral_ids):
            raise TransientError("capacity answered other claims than were asked for")
        return read

    async def ask(
        self, kind: type[T], method: str, path: str, body: BaseModel | None = None, query: Query | None = None
    ) -> T:
        """The answer; raises TransientError when it is not of this `kind`."""
        answer = await self._send(method, path, body, query)
        try:
            return kind.model_validate_json(answer.content)
        except ValidationError as error:
            raise TransientError(f"capacity answered strangely: {error.error_count()} errors") from None

    async def _send(
        self, method: str, path: str, body: BaseModel | None = None, query: Query | None = None
    ) -> httpx2.Response:
        content = body.model_dump_json(exclude_defaults=True) if body else ""
        try:
            headers = _JSON | await self._token.header()
            answer = await self._client.request(method, path, content=content, headers=headers, params=query)
        except (httpx2.RequestError, OSError) as error:
            raise TransientError(f"capacity: {type(error).__name__}") from error
        self._token.answered(answer.status_code)
        if answer.status_code == 503 and _code(answer) == Unavailable.REBUILDING:
            self.on_rebuilding()
            raise Rebuilding("capacity is rebuilding")
        if answer.status_code in PERMANENT:
            raise PermanentError(f"capacity refused {method} {path}: {answer.text[:300]}")
        if answer.is_error:
            raise TransientError(f"capacity answered {answer.status_code}: {answer.text[:200]}")
        return answer


def _traced(one: ClaimRequest) -> ClaimRequest:
    """With the trace of what it is claimed for."""
    return one.model_copy(update={"traceparent": of_subject(str(one.referral_id))}) if tracing.is_on() else one


def _code(answer: httpx2.Response) -> str | None:
    """The code of a problem document."""
    try:
        return str(answer.json()["code"])
    except (ValueError, TypeError, KeyError):
        return None
